// Measures a page from within: a test adds this script to a copy of the page, which posts what it
// finds to the page that holds it in a frame.
//
// Looks for texts that overlap or are cut off, for drawings without marks, and for a page wider than
// its window; with all tables closed and with all of them open.
(() => {
  const problems = [];
  const describe = (box) =>
    `"${box.text.slice(0, 40)}" at ${Math.round(box.left)},${Math.round(box.top)}`;

  // The boxes of all texts that are shown, one for each line.
  const textBoxes = () => {
    const boxes = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent.trim();
      const parent = node.parentElement;
      if (text === "" || parent.closest("figure caption, .hidden, title, desc, style, script")) continue;
      if (!parent.checkVisibility({ contentVisibilityAuto: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      // What is scrolled out of a wide table's box is not seen.
      const clip = parent.closest(".scroll")?.getBoundingClientRect();
      for (const rect of range.getClientRects()) {
        const left = Math.max(rect.left, clip?.left ?? -Infinity);
        const right = Math.min(rect.right, clip?.right ?? Infinity);
        if (right - left < 1 || rect.height < 1) continue;
        boxes.push({ text, parent, left, right, top: rect.top, bottom: rect.bottom });
      }
    }
    return boxes;
  };

  const measure = (state) => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
      problems.push(`${state}: the page is ${document.documentElement.scrollWidth} wide, the window ${width}`);
    }
    const boxes = textBoxes();
    for (const box of boxes) {
      const svg = box.parent.closest("svg");
      const frame = svg ? svg.getBoundingClientRect() : { left: 0, right: width, top: 0, bottom: Infinity };
      const isOutside = box.left < frame.left - 1 || box.right > frame.right + 1
        || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
      if (isOutside) problems.push(`${state}: ${describe(box)} is cut off`);
      if (box.bottom - box.top < 9) problems.push(`${state}: ${describe(box)} is too small to read`);
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

  addEventListener("load", () => {
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
    const closed = measure("tables closed");
    for (const details of document.querySelectorAll("details")) details.open = true;
    const open = measure("tables open");
    parent.postMessage({
      page: location.hash.slice(1), charts: charts.length, texts: closed, textsWithTables: open,
      problems,
    }, "*");
  });
})();
