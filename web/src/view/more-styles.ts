/** The look of what people.ts and around.ts add. */
export const STYLES = `
.notice { margin-bottom: 14px; padding: 10px 12px; border-radius: 10px; background: var(--soft); color: var(--dim); font-size: 14px; }
.refusals { display: grid; gap: 10px; margin-bottom: 14px; }
.refusal { padding: 12px 14px; border-radius: 12px; background: var(--warn-bg); font-size: 14px; }
.refusal > b { color: var(--warn); }
.refusal blockquote { margin: 8px 0; }
.refusal .actions { margin-top: 10px; }
.bar .stack { gap: 0; padding-inline-start: 8px; } .stack .avatar { margin-inline-start: -8px; box-shadow: 0 0 0 2px var(--bg); }
.new { padding: 0 8px; border-radius: 999px; background: var(--accent); color: var(--on-accent); font-size: 12px; line-height: 20px; font-weight: 600; }
.meta b.new { color: var(--on-accent); }
.tools a { display: inline-flex; align-items: center; gap: .4em; min-height: 32px; padding: .25em .7em; border-radius: 8px; text-decoration: none; }
.text { unicode-bidi: plaintext; }
.text :is(code, pre) { border-radius: 6px; background: var(--soft); font: .9em/1.5 ui-monospace, monospace; }
.text code { padding: .1em .35em; } .text pre { margin: 6px 0; padding: 8px 10px; overflow-x: auto; }
.text a { color: var(--accent); overflow-wrap: anywhere; }
.mention { color: var(--accent); font-weight: 600; } .mention.me { padding: 0 4px; border-radius: 6px; background: var(--warn-bg); color: var(--warn); }
.comment:focus { outline: none; } .comment:focus-visible { outline: 2px solid var(--accent); border-radius: 8px; }
.comment > footer { flex-wrap: wrap; align-items: center; }
.reaction { min-height: 26px; padding: 0 9px; border: 1px solid var(--line); border-radius: 999px; background: var(--soft); font-size: 13px; }
.reaction[aria-pressed="true"] { border-color: var(--accent); color: var(--accent); font-weight: 600; }
.picker { display: flex; flex-wrap: wrap; flex-basis: 100%; padding: 4px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); box-shadow: var(--shadow); }
.picker button { width: 36px; height: 36px; padding: 0; justify-content: center; font-size: 18px; } .picker button:hover { background: var(--soft); }
.mentions { overflow: hidden; padding: 4px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); box-shadow: var(--shadow); }
.mentions li { display: flex; align-items: center; gap: 8px; min-height: 34px; padding: 2px 8px; border-radius: 8px; cursor: pointer; } .mentions [aria-selected="true"] { background: var(--soft); }
.filter { display: grid; gap: 8px; margin-bottom: 14px; }
.filter input { width: 100%; min-height: 36px; margin: 0; padding: 6px 11px; border: 1px solid var(--dim); border-radius: 10px; background: var(--soft); font: inherit; color: inherit; }
.filter input:focus-visible { outline: 2px solid var(--accent); }
.shows { display: flex; flex-wrap: wrap; gap: 4px; } .shows button { min-height: 28px; border-radius: 999px; color: var(--dim); font-size: 13px; } .shows [aria-pressed="true"] { background: var(--soft); color: var(--ink); font-weight: 600; }
.new-discussions { display: flex; position: sticky; z-index: 1; top: 0; margin: 0 auto 12px; border-radius: 999px; font-size: 13px; }
.end { min-height: 1px; } .end button { display: flex; position: sticky; bottom: 0; margin: 8px auto; border-radius: 999px; font-size: 13px; }
.undo { display: flex; align-items: center; gap: 8px; margin: 0 12px 12px; padding-block: 4px; padding-inline: 14px 4px; border-radius: 10px; background: var(--ink); color: var(--bg); font-size: 14px; }
.undo span { flex: 1; } .undo button { color: inherit; } .undo .link { font-weight: 650; text-decoration: underline; font-size: 14px; min-height: 32px; } .undo button:hover { background: none; color: inherit; }
.minimap { position: fixed; z-index: 2147482999; inset-block: 0; inset-inline-end: 0; width: 8px; pointer-events: none; }
.minimap i { position: absolute; inset-inline-end: 1px; width: 7px; height: 4px; border-radius: 2px; forced-color-adjust: none; background: var(--quote); pointer-events: auto; cursor: pointer; } .minimap .resolved { background: var(--dim); opacity: .5; }
input::placeholder { color: var(--dim); opacity: 1; }
.panel[data-layout="popover"] { inset-block: 66px auto; inset-inline-end: 12px; max-height: min(70dvh, 620px); border: 1px solid var(--line); border-radius: 14px; }
details { margin-top: 16px; }
summary { padding: 6px 2px; color: var(--dim); font-size: 14px; font-weight: 600; cursor: pointer; border-radius: 6px; }
@media (forced-colors: active) { .bar, .panel, .card, .badge, .notice, .refusal, .reaction, .undo, input, textarea { border: 1px solid CanvasText; } .primary { border: 1px solid ButtonText; } }
@media (max-width: 560px) { .bar .stack { display: none; } input { font-size: 16px; } }
`;
