// The page's HTML as a Mustache template.

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
    <dl class="facts">
    {{#facts}}
    <div><dt>{{label}}</dt><dd>{{value}}</dd></div>
    {{/facts}}
    </dl>
    {{#hasNotes}}
    <ul class="notes" aria-label="Notes">
    {{#notes}}
    <li>{{.}}</li>
    {{/notes}}
    </ul>
    {{/hasNotes}}
    </header>
    {{#sections}}
    <section aria-labelledby="{{id}}">
    <div class="intro">
    <h2 id="{{id}}">{{title}}</h2>
    {{#hasText}}
    <p class="lead">{{text}}</p>
    {{/hasText}}
    </div>
    <div class="body">
    {{#absences}}
    <p class="absence">{{.}}</p>
    {{/absences}}
    {{#hasFigures}}
    <div class="figures">
    {{#figures}}
    <figure>
    <figcaption><h3>{{title}}</h3><p>{{summary}}</p></figcaption>
    {{{svg}}}
    <details><summary>Numbers<span class="hidden"> of “{{title}}”</span></summary>
    {{#table}}
    {{> table}}
    {{/table}}
    </details>
    </figure>
    {{/figures}}
    </div>
    {{/hasFigures}}
    {{#tables}}
    {{> table}}
    {{/tables}}
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
    </section>
    {{/sections}}
    </main>
    <footer><p>{{footer}}</p></footer>
    </body>
    </html>
    """

  /// A table that scrolls sideways within itself where it is too wide.
  static let tableTemplate = """
    <div class="scroll" tabindex="0" role="region" aria-label="{{caption}}">
    <table>
    <caption>{{caption}}</caption>
    <thead><tr><th scope="col">{{corner}}</th>{{#head}}<th scope="col">{{.}}</th>{{/head}}</tr></thead>
    <tbody>
    {{#rows}}
    <tr><th scope="row">{{name}}</th>{{#cells}}<td>{{.}}</td>{{/cells}}</tr>
    {{/rows}}
    </tbody>
    </table>
    </div>
    """
}
