/**
 * How the pages look: one column on a phone, a card on a desk, light or dark as the reader's system is. Contrasts of text are
 * at least 4.5, those of edges that matter at least 3 (WCAG 2.2, 1.4.3 and 1.4.11); nothing is told by colour alone.
 */
export const styleSheet = `
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --surface: #ffffff; --text: #1a1f26; --muted: #56606b; --line: #dfe3e8; --edge: #7d8794;
  --accent: #1d5bb8; --on-accent: #ffffff; --danger: #b3261e; --danger-soft: #fdecea; --good: #1b6b3a; --good-soft: #e6f4ea;
  --shadow: 0 1px 2px rgb(0 0 0 / .06), 0 8px 24px rgb(0 0 0 / .06);
  font: 100%/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --surface: #181d24; --text: #e7ebf0; --muted: #a3adb8; --line: #2b323b; --edge: #77828f;
    --accent: #8ab4f8; --on-accent: #0a1626; --danger: #ff9d94; --danger-soft: #3a1d1b; --good: #84d6a2; --good-soft: #16301f;
    --shadow: none;
  }
}
*, *::before, *::after { box-sizing: border-box }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column;
  background: var(--page); color: var(--text);
}
.skip { position: absolute; inset-inline-start: -100rem }
.skip:focus { inset-inline-start: 1rem; inset-block-start: 1rem; z-index: 1; background: var(--surface); padding: .5rem 1rem }
.top { display: flex; align-items: center; gap: .625rem; padding: 1rem 1.5rem; font-weight: 600 }
.top img { display: block; height: 2rem; width: auto; max-width: 10rem }
main { width: 100%; max-width: 27rem; margin: auto; padding: 0 1rem 2rem }
.card {
  background: var(--surface); border: 1px solid var(--line); border-radius: .875rem; box-shadow: var(--shadow);
  padding: 2rem;
}
.wide main { max-width: 62rem; margin-block: 0 auto }
.wide .columns { display: grid; gap: 1.5rem; grid-template-columns: 13rem minmax(0, 1fr); align-items: start }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere }
h2 { font-size: 1.125rem; line-height: 1.3; margin: 2rem 0 .75rem }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
a { color: inherit; text-decoration: underline; text-decoration-color: var(--accent); text-decoration-thickness: .125em; text-underline-offset: .2em }
a:hover { text-decoration-thickness: .2em }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .25rem }
form { margin: 0 }
form + p { margin-block-start: 1.25rem }
.card > p > a:only-child:not(.button), ul.ways a { display: inline-block; padding-block: .25rem }
label { display: block; margin-block-end: 1rem; font-weight: 500 }
label.check { display: flex; gap: .625rem; align-items: center; font-weight: 400 }
input:not([type=hidden], [type=checkbox]), select {
  display: block; width: 100%; min-height: 2.75rem; margin-block-start: .375rem; padding: .5rem .75rem;
  font: inherit; font-weight: 400; color: inherit; background: var(--page); border: 1px solid var(--edge); border-radius: .5rem;
}
input[type=checkbox] { width: 1.25rem; height: 1.25rem; margin: 0; accent-color: var(--accent) }
.hint { color: var(--muted); font-size: .9375rem }
button, a.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: .5rem 1.125rem;
  font: inherit; font-weight: 600; text-align: center; cursor: pointer; text-decoration: none; border-radius: .5rem;
  color: inherit; background: transparent; border: 1px solid var(--edge);
}
button:hover, a.button:hover { background: var(--page) }
button.primary, a.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); width: 100% }
button.primary:hover, a.primary:hover { background: var(--accent); filter: brightness(1.08) }
button.danger { color: var(--danger); border-color: var(--danger) }
button.small { min-height: 2.25rem; padding: .25rem .75rem; font-size: .9375rem }
form.passkey button, a.other { width: 100% }
a.other { margin-block-start: .75rem }
.wide button.primary, .wide a.primary { width: auto }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-block-start: 1rem }
.actions > * { flex: 1 1 8rem }
.wide .actions > * { flex: 0 0 auto }
.or { display: flex; align-items: center; gap: .75rem; margin-block: 1.25rem; color: var(--muted); font-size: .9375rem }
.or::before, .or::after { content: ''; flex: 1; border-block-start: 1px solid var(--line) }
.error, .notice { border-inline-start: .25rem solid; border-radius: .375rem; padding: .625rem .875rem; margin: 0 0 1rem }
.error { color: var(--danger); background: var(--danger-soft); border-color: var(--danger) }
.notice { color: var(--good); background: var(--good-soft); border-color: var(--good) }
ul.ways { list-style: none; margin: 1.25rem 0 0; padding: 0; display: grid; gap: .5rem }
ul.cards { list-style: none; margin: 0 0 1rem; padding: 0; display: grid; gap: .75rem }
ul.cards:empty { display: none }
ul.cards > li {
  display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1rem;
  border: 1px solid var(--line); border-radius: .625rem; padding: .875rem 1rem;
}
ul.cards > li > div { flex: 1 1 14rem; min-width: 0; overflow-wrap: anywhere }
ul.cards p { margin: 0 }
ul.cards .who { font-weight: 600 }
ul.choices { list-style: none; margin: 0 0 1rem; padding: 0; display: grid; gap: .75rem }
ul.choices button { width: 100% }
fieldset { margin: 0 0 .5rem; padding: 0; border: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem }
fieldset legend { padding: 0; margin-block-end: .25rem; font-weight: 500 }
fieldset label.check { margin: 0 }
.codes { columns: 2; column-gap: .75rem; list-style: none; margin: 0 0 1rem; padding: .75rem; background: var(--page); border-radius: .625rem }
.codes code { font-size: .8125rem; white-space: nowrap }
code { font: .9375em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere }
.qr { display: block; width: 12.5rem; max-width: 100%; margin: 0 auto 1rem; background: #fff; padding: .25rem; border-radius: .5rem }
.qr svg { display: block; width: 100%; height: auto }
dl { margin: 0 0 1rem; display: grid; gap: .25rem }
dt { color: var(--muted); font-size: .9375rem }
dd { margin: 0 0 .75rem; overflow-wrap: anywhere }
details { margin-block-start: 1.25rem }
summary { cursor: pointer; padding-block: .25rem; font-weight: 500 }
details > form, details > p { margin-block-start: 1rem }
ul.cards details { margin: 0 }
nav.account ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .125rem }
nav.account a { display: block; padding: .5rem .75rem; border-radius: .5rem; text-decoration: none }
nav.account a:hover { background: var(--line) }
nav.account a[aria-current] { background: var(--surface); font-weight: 600; box-shadow: inset .1875rem 0 var(--accent) }
table { width: 100%; border-collapse: collapse; margin-block-end: 1rem }
th, td { text-align: start; padding: .5rem .75rem .5rem 0; border-block-end: 1px solid var(--line); vertical-align: top }
th { color: var(--muted); font-weight: 500; font-size: .9375rem }
.foot {
  display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; justify-content: center;
  padding: 1rem 1.5rem; color: var(--muted); font-size: .875rem;
}
.foot form { display: flex; gap: .5rem; align-items: center }
.foot label { margin: 0; font-weight: 400; display: flex; gap: .5rem; align-items: center }
.foot select { width: auto; min-height: 2rem; margin: 0; padding: .125rem .5rem; font-size: inherit; background: var(--page) }
.foot button { min-height: 2rem; padding: .125rem .625rem; font-size: inherit; font-weight: 500 }
[hidden] { display: none !important }
@media (max-width: 40rem) {
  .card { padding: 1.25rem }
  .wide .columns { grid-template-columns: minmax(0, 1fr); gap: 1rem }
  nav.account ul { display: flex; flex-wrap: wrap }
  .codes { columns: 1 }
}
@media (prefers-reduced-motion: no-preference) { button, a.button { transition: filter .12s, background .12s } }
@media (forced-colors: active) { .card, ul.cards > li { border-color: CanvasText } }
`
