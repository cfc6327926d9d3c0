// Measures a page from within: a test adds this script to a copy of the page, which posts what it
// finds to the page that holds it in a frame.
//
// Looks for texts that overlap or are cut off, for drawings without marks, for elements wider than
// the window, and for boxes that scroll without being named or reached by keys; with all tables
// closed and with all of them open.
(() => {
  const problems = [];
  const describe = (box) =>
    `"${box.text.slice(0, 40)}" at ${Math.round(box.left)},${Math.round(box.top)}`;
  const isShown = (element) => element.checkVisibility({ contentVisibilityAuto: true });
  // The box of a wide table or drawing, where it scrolls; on paper nothing does.
  const scroller = (element) => {
    const box = element.closest(".scroll");
    return box && getComputedStyle(box).overflowX !== "visible" ? box : null;
  };

  // The boxes of all texts that are shown, one for each line.
  const textBoxes = () => {
    const boxes = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent.trim();
      const parent = node.parentElement;
      if (text === "" || parent.closest("caption, .hidden, title, desc, style, script")) continue;
      if (!isShown(parent)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      // What is scrolled out of a wide table's box is not seen.
      const clip = scroller(parent)?.getBoundingClientRect();
      const isTurned = parent.matches("[transform^=rotate]")
        || getComputedStyle(parent).writingMode !== "horizontal-tb";
      for (const rect of range.getClientRects()) {
        const left = Math.max(rect.left, clip?.left ?? -Infinity);
        const right = Math.min(rect.right, clip?.right ?? Infinity);
        if (right - left < 1 || rect.height < 1) continue;
        boxes.push({
          text, parent, left, right, top: rect.top, bottom: rect.bottom,
          lineHeight: isTurned ? rect.width : rect.height,
        });
      }
    }
    return boxes;
  };

  // Elements that reach beyond the window, though a page may hide that they do.
  const measureWidths = (state, width) => {
    if (document.documentElement.scrollWidth > width) {
      problems.push(`${state}: the page is ${document.documentElement.scrollWidth} wide, the window ${width}`);
    }
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest("caption, .hidden, script, style") || !isShown(element)) continue;
      if (element.ownerSVGElement) continue;
      const box = scroller(element);
      if (box && box !== element) continue;
      const rect = element.getBoundingClientRect();
      if (rect.width > 0 && (rect.left < -1 || rect.right > width + 1)) {
        problems.push(
          `${state}: ${element.tagName.toLowerCase()}.${element.className} reaches from `
          + `${Math.round(rect.left)} to ${Math.round(rect.right)}, the window is ${width} wide`);
      }
    }
  };

  const measure = (state) => {
    const width = document.documentElement.clientWidth;
    measureWidths(state, width);
    const boxes = textBoxes();
    for (const box of boxes) {
      const svg = box.parent.closest("svg");
      const frame = svg ? svg.getBoundingClientRect() : { left: 0, right: width, top: 0, bottom: Infinity };
      const isOutside = box.left < frame.left - 1 || box.right > frame.right + 1
        || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
      if (isOutside) problems.push(`${state}: ${describe(box)} is cut off`);
      if (box.lineHeight < 9) problems.push(`${state}: ${describe(box)} is too small to read`);
    }
    boxes.sort((a, b) => a.top - b.top);
    // Boxes have room above and below their letters, which may overlap.
    const slack = 2;
    for (let i = 0; i < boxes.length; i++) {
      for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom - slack; j++) {
        const across = Math.min(boxes[i].right, boxes[j].right) - Math.max(boxes[i].left, boxes[j].left);
        const down = Math.min(boxes[i].bottom, boxes[j].bottom) - Math.max(boxes[i].top, boxes[j].top);
        if (across > 1 && down > slack) {
          problems.push(`${state}: ${describe(boxes[i])} overlaps ${describe(boxes[j])}`);
        }
      }
    }
    return boxes.length;
  };

  // The names of shown boxes of which a part is scrolled out of sight.
  const scrolling = () => [...document.querySelectorAll(".scroll")]
    .filter((box) => isShown(box) && box.scrollWidth > box.clientWidth + 1)
    .filter((box) => scroller(box))
    .map((box) => box.getAttribute("aria-label") ?? "");

  addEventListener("load", () => {
    const closed = measure("tables closed");
    const found = scrolling();
    for (const box of document.querySelectorAll(".scroll")) {
      const isReached = box.tabIndex === 0 && box.getAttribute("role") === "region";
      if (!isReached || !box.getAttribute("aria-label")) {
        problems.push(`a box that scrolls has no name or is not reached: ${box.outerHTML.slice(0, 80)}`);
      }
    }
    for (const details of document.querySelectorAll("details")) details.open = true;
    const open = measure("tables open");
    const charts = [...document.querySelectorAll("svg.chart")];
    for (const chart of charts) {
      const marks = chart.querySelectorAll("path, polyline, rect, circle, polygon");
      const isDrawn = [...marks].some((mark) => {
        const box = mark.getBoundingClientRect();
        return box.width > 0 && box.height > 0;
      });
      if (!isDrawn) problems.push(`nothing is drawn in "${chart.querySelector("title").textContent}"`);
      if (chart.getBoundingClientRect().width < 250) problems.push("a drawing is too narrow");
    }
    parent.postMessage({
      page: location.hash.slice(1), charts: charts.length, texts: closed, textsWithTables: open,
      scrolling: found, problems,
    }, "*");
  });
})();
