/**
 * The widget's whole look. Sites change it through custom properties, which inherit into the widget:
 *
 * --parley-accent: Buttons that act, links, the ring around what has the focus.
 * --parley-on-accent: Words on the accent's colour.
 * --parley-background: Behind everything.
 * --parley-surface: Boxes on it: notices, text fields, the bar's button.
 * --parley-text: Words.
 * --parley-muted: Words of less weight: times, labels, quotes.
 * --parley-line: Lines between things.
 * --parley-font: The typeface.
 * --parley-panel-top: Where the side panel begins, below a fixed bar of yours.
 */
export const STYLES = `
:host { all: initial; display: block; color-scheme: light;
  --bg: var(--parley-background, #ffffff); --soft: var(--parley-surface, #f5f5f7); --line: var(--parley-line, #e4e4e9); --ink: var(--parley-text, #1d1d22); --dim: var(--parley-muted, #63636e);
  --accent: var(--parley-accent, #3d4fd1); --on-accent: var(--parley-on-accent, #ffffff); --warn-bg: #fdf1e3; --warn: #8a4b00; --quote: #e8b931;
  --shadow: 0 1px 2px rgb(0 0 0 / .08), 0 8px 28px rgb(0 0 0 / .13);
  font: 15px/1.5 var(--parley-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif); color: var(--ink); }
@media (prefers-color-scheme: dark) { :host(:not([data-theme="light"])) { color-scheme: dark;
  --bg: var(--parley-background, #1f2025); --soft: var(--parley-surface, #2a2b31); --line: var(--parley-line, #3a3b43); --ink: var(--parley-text, #ececf1); --dim: var(--parley-muted, #a4a4b0);
  --accent: var(--parley-accent, #9aa6ff); --on-accent: var(--parley-on-accent, #14151a); --warn-bg: #3a2c19; --warn: #ffc98a; --quote: #b8922a;
  --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 8px 28px rgb(0 0 0 / .5); } }
:host([data-theme="dark"]) { color-scheme: dark;
  --bg: var(--parley-background, #1f2025); --soft: var(--parley-surface, #2a2b31); --line: var(--parley-line, #3a3b43); --ink: var(--parley-text, #ececf1); --dim: var(--parley-muted, #a4a4b0);
  --accent: var(--parley-accent, #9aa6ff); --on-accent: var(--parley-on-accent, #14151a); --warn-bg: #3a2c19; --warn: #ffc98a; --quote: #b8922a;
  --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 8px 28px rgb(0 0 0 / .5); }
*, *::before, *::after { box-sizing: border-box; }
h2, h3, p, ul, blockquote { margin: 0; padding: 0; font: inherit; }
ul { list-style: none; }
svg { flex: none; display: block; }
a { color: var(--accent); }
button, textarea { font: inherit; color: inherit; letter-spacing: inherit; }
button { display: inline-flex; align-items: center; gap: .4em; min-height: 32px; margin: 0; padding: .25em .7em; border: 0; border-radius: 8px; background: none; cursor: pointer; }
:is(button, textarea, summary, a, input, pre, article):focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
h2:focus { outline: none; }
button:disabled { opacity: .45; cursor: default; }
.primary { background: var(--accent); color: var(--on-accent); font-weight: 600; padding-inline: 1em; }
.primary:not(:disabled):hover { filter: brightness(1.08); }
.quiet:hover, .tool:hover, .icon:hover { background: var(--soft); }
.quiet, .tool { color: var(--dim); }
.icon { justify-content: center; width: 36px; height: 36px; padding: 0; color: var(--dim); }
.link { min-width: 28px; justify-content: center; min-height: 24px; padding: 0 .25em; color: var(--dim); font-size: 13px; }
.link:hover { color: var(--ink); text-decoration: underline; }

.bar { display: inline-flex; align-items: center; gap: 14px; padding: 4px 5px 4px 14px; background: var(--bg); color: var(--dim); border: 1px solid var(--line); border-radius: 999px; font-size: 14px; white-space: nowrap; }
.bar.floating { position: fixed; z-index: 2147483000; inset-block-start: 14px; inset-inline-end: 14px; box-shadow: var(--shadow); }
.bar > span { display: inline-flex; align-items: center; gap: 6px; }
.dot { width: 8px; height: 8px; border-radius: 50%; background: #9a9aa5; }
.live .dot { background: #23a55a; } .connecting .dot { background: #d99a11; } .offline .dot, .stopped .dot { background: #d0453b; }
.chip { border-radius: 999px; background: var(--soft); color: var(--ink); font-weight: 600; font-size: 14px; }
.chip:hover { background: var(--line); }
.warn { color: var(--warn); }

.discuss { position: fixed; z-index: 2147483001; height: 40px; padding: 0 14px 0 11px; border: 1px solid transparent; border-radius: 999px; background: var(--accent); color: var(--on-accent); font-weight: 600; font-size: 14px; box-shadow: var(--shadow); animation: rise .12s ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(4px); } }

.panel { position: fixed; z-index: 2147483002; inset-block: var(--parley-panel-top, 0px) 0; inset-inline-end: 0; width: min(400px, 100vw); display: flex; flex-direction: column; background: var(--bg); border-inline-start: 1px solid var(--line); box-shadow: var(--shadow); animation: rise .16s ease-out; }
.panel.under-bar { inset-block-start: var(--parley-panel-top, 66px); border-block-start: 1px solid var(--line); border-start-start-radius: 14px; }
:host([dir="rtl"]) [data-parley="back"] svg { transform: scaleX(-1); }
.panel > header { display: flex; align-items: center; gap: 4px; padding: 10px 12px; border-bottom: 1px solid var(--line); }
.panel h2 { flex: 1; padding-inline-start: 6px; font-weight: 650; font-size: 16px; }
.body { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px; }
.body h3 { margin: 20px 0 8px; color: var(--dim); font-size: 13px; font-weight: 600; }
.empty { padding: 40px 24px; color: var(--dim); text-align: center; text-wrap: balance; }

.cards { display: grid; gap: 10px; }
.cards > li { content-visibility: auto; contain-intrinsic-size: auto 130px; }
blockquote ins { text-decoration: none; color: var(--ink); } blockquote del { opacity: .75; }
.card { display: grid; gap: 8px; width: 100%; padding: 12px 14px; border: 1px solid var(--line); border-radius: 12px; text-align: start; justify-items: stretch; transition: border-color .12s, box-shadow .12s; }
.card:hover { border-color: var(--dim); box-shadow: 0 2px 10px rgb(0 0 0 / .07); }
.card blockquote { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.card .text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere; }
.meta { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; color: var(--dim); font-size: 13px; }
.meta b, .comment b { color: var(--ink); font-weight: 600; overflow-wrap: anywhere; }
blockquote { padding-inline-start: 10px; border-inline-start: 3px solid var(--quote); color: var(--dim); font-size: 14px; overflow-wrap: anywhere; }
.thread > blockquote, .body > blockquote { max-height: 9em; overflow-y: auto; margin-bottom: 10px; }
.badges { display: flex; gap: 6px; margin: 0 0 8px; }
.card .badges { margin: 0; }
.badge { padding: 0 8px; border-radius: 999px; background: var(--warn-bg); color: var(--warn); font-size: 12px; line-height: 20px; font-weight: 600; }
.badge.calm { background: var(--soft); color: var(--dim); }

.tools { display: flex; flex-wrap: wrap; gap: 0 4px; margin-block: 0 8px; margin-inline-start: -10px; }
.tool { font-size: 13.5px; }
.comments { display: grid; grid-template-columns: minmax(0, 1fr); }
.comment { padding: 12px 0; border-top: 1px solid var(--line); }
.comment > header { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 8px; font-size: 14px; }
.comment .text, .refusal .text { margin: 6px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.comment.unsent .text { opacity: .65; }
.comment > footer { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; margin-block-start: 4px; }
time, .note { color: var(--dim); font-size: 13px; }
.note.unsent { color: var(--warn); }
.note.late { opacity: 0; animation: appear .2s 1s forwards; }
@keyframes appear { to { opacity: 1; } }
.avatar { position: relative; flex: none; display: inline-grid; place-items: center; width: 24px; height: 24px; border-radius: 50%; overflow: hidden; color: #fff; font-size: 12px; font-weight: 650; }
.avatar img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
.typing { min-height: 20px; color: var(--dim); font-size: 13px; }

.composer { display: grid; gap: 8px; }
.comment .composer { margin-top: 8px; }
textarea { display: block; width: 100%; min-height: 64px; padding: 9px 11px; border: 1px solid var(--dim); border-radius: 10px; background: var(--soft); resize: none; line-height: 1.45; }
textarea::placeholder { color: var(--dim); opacity: 1; }
.actions { display: flex; justify-content: flex-end; gap: 6px; }

@media (max-width: 560px) {
  .panel, .panel.under-bar { inset: 0; width: auto; border: 0; border-radius: 0; padding-bottom: env(safe-area-inset-bottom); }
  .bar { gap: 10px; padding-inline-start: 10px; font-size: 13px; } .chip { font-size: 13px; }
  textarea { font-size: 16px; }
}
@media (prefers-reduced-motion: reduce) { *, *::before { animation-duration: .01ms !important; transition: none !important; } }
@media (prefers-contrast: more) { :host { --dim: var(--ink) !important; --line: var(--ink) !important; } }
@media print { :host { display: none; } }
`;
