// The page's look; charts bring their own rules.

extension ReportPage {
  /// The rules of everything but charts.
  static var styleSheet: String { screenRules + "\n" + tableRules + "\n" + paperRules }

  private static let screenRules = """
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 \(ChartStyle.fonts);\
    font-variant-numeric:tabular-nums}
    main,footer{max-width:\(Int(TableLayout.pageWidth) + 32)px;margin:0 auto;padding:0 16px}
    header{padding:40px 0 8px}
    h1,h2,h3,p,dl,dd,figure,ul{margin:0}
    h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
    .subtitle{max-width:110ch;margin-top:6px;color:var(--quiet);overflow-wrap:anywhere}
    .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:16px 24px;\
    margin-top:24px}
    .facts div{display:flex;flex-direction:column;justify-content:flex-end}
    .facts dt{font-size:13px;line-height:1.35;color:var(--quiet);overflow-wrap:anywhere}
    .facts dd{font-size:24px;line-height:1.25;font-weight:600;letter-spacing:-.01em}
    .notes{margin-top:24px;padding:12px 16px 12px 32px;background:var(--tint);\
    border-left:3px solid var(--s1);font-size:14px;overflow-wrap:anywhere}
    .notes li:only-child{list-style:none;margin-left:-16px;max-width:130ch}
    section{margin-top:32px;padding-top:20px;border-top:1px solid var(--faint)}
    .body>*:first-child,.broad>*:first-child{margin-top:20px}
    h2{font-size:20px;line-height:1.3;font-weight:650}
    .lead{max-width:72ch;margin-top:4px;color:var(--quiet);font-size:15px}
    .absence{max-width:76ch;margin-top:16px;padding:10px \
    14px;background:var(--tint);font-size:14px;\
    overflow-wrap:anywhere}
    .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,336px),1fr));\
    gap:0 56px;margin-top:24px}
    figure{max-width:460px;min-width:0;display:grid;grid-template-columns:minmax(0,1fr);\
    grid-template-rows:subgrid;grid-row:span 3;padding-bottom:24px}
    figure.large{grid-column:1/-1;max-width:none}
    .drawing svg.chart{width:var(--width)}
    figcaption{margin-bottom:12px}
    h3{font-size:15px;line-height:1.35;font-weight:650;overflow-wrap:anywhere}
    figcaption p{max-width:76ch;color:var(--quiet);font-size:14px;line-height:1.45;\
    overflow-wrap:anywhere}
    details{margin-top:8px;font-size:14px}
    summary{display:inline-block;cursor:pointer;color:var(--quiet);padding:2px 0}
    summary:hover{color:var(--ink)}
    summary::before{content:"+";display:inline-block;width:1em}
    details[open]>summary::before{content:"–"}
    summary::-webkit-details-marker{display:none}
    summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--s0);outline-offset:2px}
    caption,.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);\
    white-space:nowrap}
    .settings dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,280px),1fr));\
    gap:0 32px;margin-top:8px}
    .settings dl div{display:flex;justify-content:space-between;gap:16px;padding:4px 0;\
    border-bottom:1px solid var(--grid)}
    .links ul{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,280px),1fr));\
    gap:4px 32px;margin-top:8px;padding:0;list-style:none}
    .links a{color:inherit;overflow-wrap:anywhere}
    .settings dt{color:var(--quiet);overflow-wrap:anywhere}
    .settings dd{text-align:right;overflow-wrap:anywhere;min-width:0}
    footer{margin-top:48px;padding-bottom:40px;color:var(--quiet);font-size:13px}
    footer p{border-top:1px solid var(--faint);padding-top:12px;overflow-wrap:anywhere}
    @media (min-width:1100px){\
    section{display:grid;grid-template-columns:\(TableLayout.introWidth)px minmax(0,1fr);\
    column-gap:\(TableLayout.introGap)px;row-gap:20px}\
    .intro{position:sticky;top:20px;align-self:start}.flat>.intro{grid-column:1/-1}\
    .body{grid-column:2;min-width:0}.broad{grid-column:1/-1;min-width:0}\
    .body>*:first-child,.broad>*:first-child{margin-top:0}}
    @media (max-width:480px){header{padding-top:24px}h1{font-size:25px}\
    .facts{grid-template-columns:1fr 1fr;gap:14px 16px}.facts dd{font-size:20px}}
    """

  /// Tables scroll sideways within their boxes, where shades at the edges tell that there is more,
  /// and the names of rows stay.
  private static let tableRules = """
    .scroll{position:relative;overflow-x:auto;margin-top:12px;\
    background:linear-gradient(to right,var(--paper) 16px,transparent) 0 0/40px 100% no-repeat \
    local,\
    linear-gradient(to left,var(--paper) 16px,transparent) 100% 0/40px 100% no-repeat local,\
    linear-gradient(to right,var(--faint),transparent) 0 0/16px 100% no-repeat scroll,\
    linear-gradient(to left,var(--faint),transparent) 100% 0/16px 100% no-repeat scroll}
    .caption{margin-top:28px}
    .caption+.scroll{margin-top:6px}
    table{border-collapse:collapse;font-size:\(Int(TableLayout.cellSize))px;line-height:1.35}
    th,td{padding:5px \(Int(TableLayout.padding))px 5px 0;text-align:right;white-space:nowrap;\
    border-bottom:1px solid var(--grid)}
    th:first-child{position:sticky;left:0;z-index:1;background:var(--paper);text-align:left;\
    font-weight:500}
    thead th{max-width:\(Int(TableLayout.headWidth))em;font-size:\(Int(TableLayout.headSize))px;\
    color:var(--quiet);font-weight:500;white-space:normal;border-bottom-color:var(--faint);\
    vertical-align:bottom}
    thead .free{max-width:none}
    .long{min-width:\(Int(TableLayout.wrappedWidth))em;white-space:normal}
    .vast table{font-size:12px}.vast thead th{font-size:11px}
    .vast th,.vast td{padding-right:8px}
    tbody tr:hover>*{background:var(--tint)}
    """

  /// Nothing scrolls on paper: texts wrap, and the heads of wide tables are turned.
  private static let paperRules = """
    @page{margin:14mm 12mm}
    @media print{body{font-size:10.5pt}h2{font-size:14pt}h3{font-size:10.5pt}\
    .lead{font-size:10pt}.notes,.absence,figcaption p{font-size:9pt}\
    main,footer{max-width:none;padding:0}header{padding-top:0}\
    .subtitle,.lead,.absence,.notes li:only-child,figcaption p{max-width:none}\
    .facts{grid-template-columns:repeat(4,1fr)}\
    section{display:block;margin-top:24px;padding-top:14px}\
    .intro{position:static}.body>*:first-child,.broad>*:first-child{margin-top:12px}\
    .figures{grid-template-columns:repeat(2,minmax(0,1fr));gap:0 36px}\
    figure{max-width:none;padding-bottom:16px}.drawing svg.chart{width:100%}\
    .intro,.facts,.notes,figure,tr,.settings div{break-inside:avoid}\
    h2,h3,.intro,figcaption,thead{break-after:avoid}\
    .scroll{overflow:visible;background:none}table{font-size:8pt}\
    th,td,.long{min-width:0;padding-right:8px;white-space:normal}th:first-child{position:static}\
    .long{min-width:8em}thead th{max-width:none;font-size:7.5pt}\
    table{break-inside:avoid}.tight table{min-width:80%;font-size:7pt}\
    .tight th,.tight td{padding-right:5px}\
    .tight thead th+th{writing-mode:vertical-rl;transform:rotate(180deg);padding:5px 0 0;\
    text-align:left;white-space:nowrap;font-size:7pt}\
    figure:has(details[open]){grid-column:1/-1}figure:has(details[open])>svg{max-width:460px}\
    figure .vast table{display:none}\
    figure .vast::before{content:"A table too wide for paper is left out here."}\
    details:not([open])>summary{display:none}\
    .settings:not([open])>summary{display:block}\
    .settings::details-content{content-visibility:visible;display:block}}
    """
}
