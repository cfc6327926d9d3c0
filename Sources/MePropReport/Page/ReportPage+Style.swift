// The page's look; charts bring their own rules.

extension ReportPage {
  /// The rules of everything but charts.
  static let styleSheet = """
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 \(ChartStyle.fonts);\
    font-variant-numeric:tabular-nums}
    main,footer{max-width:1240px;margin:0 auto;padding:0 16px}
    header{padding:40px 0 8px}
    h1,h2,h3,p,dl,dd,figure,ul{margin:0}
    h1{font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
    .subtitle{margin-top:6px;color:var(--quiet);overflow-wrap:anywhere}
    .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:16px 24px;\
    margin-top:24px}
    .facts dt{font-size:13px;color:var(--quiet)}
    .facts dd{font-size:24px;line-height:1.25;font-weight:600;letter-spacing:-.01em}
    .notes{margin-top:24px;padding:12px 16px 12px 32px;background:var(--tint);\
    border-left:3px solid var(--s1);font-size:14px;overflow-wrap:anywhere}
    section{margin-top:36px;padding-top:20px;border-top:1px solid var(--faint)}
    .body>*:first-child{margin-top:20px}
    h2{font-size:20px;line-height:1.3;font-weight:650}
    .lead{max-width:72ch;margin-top:4px;color:var(--quiet);font-size:15px}
    .absence{max-width:72ch;margin-top:12px;padding:10px 14px;background:var(--tint);font-size:14px;\
    overflow-wrap:anywhere}
    .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,336px),1fr));\
    gap:0 56px;margin-top:24px}
    figure{max-width:460px;min-width:0;display:grid;grid-template-columns:minmax(0,1fr);grid-template-rows:subgrid;grid-row:span 3;\
    padding-bottom:28px}
    figcaption{margin-bottom:12px}
    h3{font-size:15px;line-height:1.35;font-weight:650;overflow-wrap:anywhere}
    figcaption p{color:var(--quiet);font-size:14px;line-height:1.45;overflow-wrap:anywhere}
    details{margin-top:10px;font-size:14px}
    summary{display:inline-block;cursor:pointer;color:var(--quiet);padding:2px 0}
    summary::before{content:"+";display:inline-block;width:1em}
    details[open]>summary::before{content:"–"}
    summary::-webkit-details-marker{display:none}
    summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--s0);outline-offset:2px}
    .scroll{overflow-x:auto;margin-top:12px}
    table{border-collapse:collapse;font-size:14px;line-height:1.35}
    caption,.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);\
    white-space:nowrap}
    .body>.scroll{margin-top:24px}
    .body>.scroll caption{position:static;width:auto;height:auto;clip-path:none;overflow:visible;\
    white-space:normal;text-align:left;font-size:15px;font-weight:650;padding-bottom:6px}
    th,td{padding:5px 14px 5px 0;text-align:right;white-space:nowrap;\
    border-bottom:1px solid var(--grid)}
    th:first-child{text-align:left;font-weight:500}
    thead th{color:var(--quiet);font-weight:500;border-bottom-color:var(--faint);vertical-align:bottom}
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
    section{display:grid;grid-template-columns:250px minmax(0,1fr);column-gap:64px}\
    .body{min-width:0}.body>*:first-child{margin-top:0}\
    .intro{position:sticky;top:20px;align-self:start}}
    @media (max-width:480px){header{padding-top:24px}h1{font-size:25px}\
    .facts{grid-template-columns:1fr 1fr;gap:14px 16px}.facts dd{font-size:20px}}
    @media print{body{font-size:11pt}header{padding-top:0}section{display:block}\
    .intro{position:static}.body>*:first-child{margin-top:12px}\
    .figures{grid-template-columns:1fr 1fr}figure,tr{break-inside:avoid}\
    h2,h3,.intro{break-after:avoid}.scroll{overflow:visible}.scroll th,.scroll td{white-space:normal}\
    details:not([open])>summary{display:none}\
    .settings:not([open])>summary{display:block}\
    .settings::details-content{content-visibility:visible;display:block}}
    """
}
