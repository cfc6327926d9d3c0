// The page's HTML as Mustache templates.

extension ReportPage {
  /// The skeleton; `PageModel` has what goes into it.
  ///
  /// Only drawings and styles go in unescaped.
  static let template = """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{{title}}</title>
    <style>
    {{{style}}}
    </style>
    </head>
    <body>
    <main>
    <header>
    <h1>{{title}}</h1>
    <p class="subtitle">{{subtitle}}</p>
    {{#hasFacts}}
    <dl class="facts">
    {{#facts}}
    <div><dt>{{label}}</dt><dd>{{value}}</dd></div>
    {{/facts}}
    </dl>
    {{/hasFacts}}
    {{#hasNotes}}
    <ul class="notes" aria-label="Notes">
    {{#notes}}
    <li>{{.}}</li>
    {{/notes}}
    </ul>
    {{/hasNotes}}
    </header>
    {{#sections}}
    <section aria-labelledby="{{id}}"{{#isFlat}} class="flat"{{/isFlat}}>
    <div class="intro">
    <h2 id="{{id}}">{{title}}</h2>
    {{#hasText}}
    <p class="lead">{{text}}</p>
    {{/hasText}}
    </div>
    {{#hasBody}}
    <div class="body">
    {{#hasFigures}}
    <div class="figures">
    {{#figures}}
    {{> figure}}
    {{/figures}}
    </div>
    {{/hasFigures}}
    {{#folds}}
    <details class="fold"><summary>{{title}}</summary>
    <div class="figures">
    {{#figures}}
    {{> figure}}
    {{/figures}}
    </div>
    </details>
    {{/folds}}
    {{#tables}}
    <h3 class="caption">{{caption}}</h3>
    {{> table}}
    {{/tables}}
    {{#absences}}
    <p class="absence">{{.}}</p>
    {{/absences}}
    </div>
    {{/hasBody}}
    {{#hasWideTables}}
    <div class="broad">
    {{#wideTables}}
    <h3 class="caption">{{caption}}</h3>
    {{> table}}
    {{/wideTables}}
    </div>
    {{/hasWideTables}}
    {{#hasEnd}}
    <div class="body end">
    {{#settings}}
    <details class="settings"{{#isOpen}} open{{/isOpen}}><summary>{{title}}</summary>
    <dl>
    {{#values}}
    <div><dt>{{key}}</dt><dd>{{value}}</dd></div>
    {{/values}}
    </dl>
    </details>
    {{/settings}}
    {{#links}}
    <details class="links"><summary>{{title}}</summary>
    <ul>
    {{#targets}}
    <li><a href="{{target}}">{{text}}</a></li>
    {{/targets}}
    </ul>
    </details>
    {{/links}}
    </div>
    {{/hasEnd}}
    </section>
    {{/sections}}
    </main>
    <footer><p>{{footer}}</p></footer>
    </body>
    </html>
    """

  /// A drawing with its numbers; a large one keeps its size and scrolls sideways within itself.
  static let figureTemplate = """
    <figure{{#isLarge}} class="large"{{/isLarge}}>
    <figcaption><h3>{{title}}</h3><p>{{summary}}</p></figcaption>
    {{#isLarge}}
    <div class="scroll drawing" style="--width:{{width}}px" tabindex="0" role="region" \
    aria-label="{{title}}, drawing">{{{svg}}}</div>
    {{/isLarge}}
    {{^isLarge}}
    {{{svg}}}
    {{/isLarge}}
    <details><summary>Numbers<span class="hidden"> of “{{title}}”</span></summary>
    {{#table}}
    {{> table}}
    {{/table}}
    </details>
    </figure>
    """

  /// A table that scrolls sideways within itself where it is too wide.
  static let tableTemplate = """
    <div class="{{classes}}" tabindex="0" role="region" aria-label="{{caption}}">
    <table>
    <caption>{{caption}}</caption>
    <thead><tr><th scope="col">{{corner}}</th>\
    {{#head}}<th scope="col"{{#isLong}} class="free"{{/isLong}}>{{text}}</th>{{/head}}</tr></thead>
    <tbody>
    {{#rows}}
    <tr><th scope="row"{{#isLong}} class="long"{{/isLong}}>{{name}}</th>\
    {{#cells}}<td{{#isLong}} class="long"{{/isLong}}>{{text}}</td>{{/cells}}</tr>
    {{/rows}}
    </tbody>
    </table>
    </div>
    """
}
