"use strict";(self.rspackChunkjupyter_mldeploy=self.rspackChunkjupyter_mldeploy||[]).push([["labextension_style_index_js"],{"./labextension/style/index.js"(o,e,l){var r=l("./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"),p=l.n(r),t=l("./node_modules/style-loader/dist/runtime/styleDomAPI.js"),i=l.n(t),d=l("./node_modules/style-loader/dist/runtime/insertBySelector.js"),a=l.n(d),n=l("./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"),s=l.n(n),c=l("./node_modules/style-loader/dist/runtime/insertStyleElement.js"),m=l.n(c),j=l("./node_modules/style-loader/dist/runtime/styleTagTransform.js"),y=l.n(j),u=l("./node_modules/css-loader/dist/cjs.js!./labextension/style/index.css"),f={};f.styleTagTransform=y(),f.setAttributes=s(),f.insert=a().bind(null,"head"),f.domAPI=i(),f.insertStyleElement=m(),p()(u.A,f),u.A&&u.A.locals&&u.A.locals},"./node_modules/css-loader/dist/cjs.js!./labextension/style/base.css"(o,e,l){var r=l("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),p=l.n(r),t=l("./node_modules/css-loader/dist/runtime/api.js"),i=(l.n(t))()(p());i.push([o.id,`/*
 * What all parts share. Only variables of JupyterLab's themes: light, dark and high contrast follow by themselves.
 * A tone is a colour beside a shape and a word; it never stands alone.
 */

.jp-mldeploy-State {
  align-items: center;
  color: var(--jp-ui-font-color1);
  display: inline-flex;
  gap: 4px;
  white-space: nowrap;
}

.jp-mldeploy-State svg,
.jp-mldeploy-IconButton svg,
.jp-mldeploy-Button svg {
  display: block;
  height: 14px;
  width: 14px;
}

.jp-mldeploy-State[data-tone='good'] > :first-child {
  color: var(--jp-success-color0, var(--jp-success-color1));
}

.jp-mldeploy-State[data-tone='bad'] > :first-child {
  color: var(--jp-error-color1);
}

.jp-mldeploy-State[data-tone='busy'] > :first-child {
  color: var(--jp-brand-color1);
}

.jp-mldeploy-State[data-tone='idle'] > :first-child {
  color: var(--jp-ui-font-color2);
}

.jp-mldeploy-Notice {
  border-left: 3px solid var(--jp-info-color0, var(--jp-brand-color1));
  margin: 0 0 8px;
  padding: 2px 8px;
}

.jp-mldeploy-Muted {
  color: var(--jp-ui-font-color1);
  opacity: 0.8;
}

.jp-mldeploy-Problem {
  border-left: 3px solid var(--jp-error-color1);
  color: var(--jp-ui-font-color1);
  margin: 4px 0;
  overflow-wrap: anywhere;
  padding: 2px 0 2px 8px;
}

.jp-mldeploy-Step {
  border-left: 3px solid var(--jp-brand-color1);
  margin: 0;
  overflow: hidden;
  padding-left: 6px;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-mldeploy-IconButton,
.jp-mldeploy-Button {
  align-items: center;
  background: transparent;
  border: 1px solid transparent;
  border-radius: var(--jp-border-radius);
  color: var(--jp-ui-font-color1);
  cursor: pointer;
  display: inline-flex;
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  gap: 4px;
  line-height: 1.4;
  min-height: 24px;
}

.jp-mldeploy-IconButton {
  justify-content: center;
  min-width: 24px;
  padding: 0 4px;
}

.jp-mldeploy-Button {
  border-color: var(--jp-border-color1);
  padding: 1px 9px;
}

.jp-mldeploy-Button[data-look='accept'] {
  background: var(--jp-accept-color-normal, var(--jp-brand-color1));
  border-color: transparent;
  color: var(--jp-ui-inverse-font-color1);
}

.jp-mldeploy-Button[data-look='warn'] {
  background: var(--jp-warn-color-normal, var(--jp-error-color1));
  border-color: transparent;
  color: var(--jp-ui-inverse-font-color1);
}

.jp-mldeploy-IconButton:hover:not(:disabled, [aria-disabled='true']),
.jp-mldeploy-Button[data-look='plain']:hover:not(
    :disabled,
    [aria-disabled='true']
  ) {
  background: var(--jp-layout-color2);
}

.jp-mldeploy-Button[data-look='accept']:hover:not(
    :disabled,
    [aria-disabled='true']
  ) {
  background: var(--jp-accept-color-hover, var(--jp-brand-color0));
}

.jp-mldeploy-IconButton:disabled,
.jp-mldeploy-IconButton[aria-disabled='true'],
.jp-mldeploy-Button:disabled,
.jp-mldeploy-Button[aria-disabled='true'] {
  cursor: default;
  opacity: 0.5;
}

.jp-mldeploy-IconButton:focus-visible,
.jp-mldeploy-Button:focus-visible,
.jp-mldeploy-Service:focus-visible,
.jp-mldeploy-Tabs > button:focus-visible,
.jp-mldeploy-Status > button:focus-visible,
.jp-mldeploy-Input:focus-visible {
  outline: var(--jp-focus-outline-width, 2px) solid
    var(--jp-focus-outline-color, var(--jp-brand-color1));
  outline-offset: -1px;
}

.jp-mldeploy-Input {
  background: var(--jp-input-background);
  border: 1px solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  box-sizing: border-box;
  color: var(--jp-ui-font-color0);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  min-height: 26px;
  padding: 2px 6px;
  width: 100%;
}

.jp-mldeploy-Input::placeholder {
  color: var(--jp-ui-font-color2);
  opacity: 1;
}

.jp-mldeploy-Form {
  display: grid;
  gap: 10px;
  min-width: 320px;
}

.jp-mldeploy-Form > label {
  display: grid;
  gap: 3px;
}

.jp-mldeploy-HeaderLine {
  align-items: center;
  display: flex;
  flex-wrap: wrap;
  gap: 4px 10px;
  min-width: 0;
}

.jp-mldeploy-HeaderLine > [role='status'] {
  display: inline-flex;
}

.jp-mldeploy-Uri {
  background: transparent;
  color: var(--jp-ui-font-color1);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  overflow-wrap: anywhere;
}

.jp-mldeploy-Sparkline {
  align-items: end;
  display: inline-flex;
  gap: 8px;
}

.jp-mldeploy-Sparkline rect {
  fill: var(--jp-brand-color1);
}

.jp-mldeploy-Sparkline rect[data-tone='bad'] {
  fill: var(--jp-error-color1);
}

.jp-mldeploy-Sparkline line {
  stroke: var(--jp-border-color1);
}

.jp-mldeploy-Status > button {
  align-items: center;
  background: transparent;
  border: none;
  color: inherit;
  cursor: pointer;
  display: flex;
  font: inherit;
  gap: 4px;
  height: 100%;
  padding: 0 6px;
}

.jp-mldeploy-Status svg {
  display: block;
  height: 14px;
  width: 14px;
}

.jp-mldeploy-Status > button:hover {
  background: var(--jp-layout-color2);
}

.jp-mldeploy-Forget {
  max-width: 480px;
}
`,""]),l.d(e,{},{A:i})},"./node_modules/css-loader/dist/cjs.js!./labextension/style/card.css"(o,e,l){var r=l("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),p=l.n(r),t=l("./node_modules/css-loader/dist/runtime/api.js"),i=(l.n(t))()(p());i.push([o.id,`/* The live card in an output. */

.jp-mldeploy-Card {
  color: var(--jp-content-font-color1);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  max-width: 62em;
  overflow: visible;
  padding: 2px 0;
}

.jp-mldeploy-CardHost {
  overflow: visible;
}

.jp-mldeploy-Live {
  background: var(--jp-layout-color1);
  border: 1px solid var(--jp-border-color1);
  border-radius: 4px;
  display: grid;
  gap: 6px;
  margin: 2px 0 6px;
  padding: 9px 14px;
}

.jp-mldeploy-Live p {
  margin: 0;
}

.jp-mldeploy-Live strong {
  font-size: var(--jp-ui-font-size2);
}

.jp-mldeploy-Live .jp-mldeploy-Sparkline {
  margin-left: auto;
}

.jp-mldeploy-Receipt > summary {
  cursor: pointer;
  padding: 0 2px;
  width: max-content;
}

.jp-mldeploy-Receipt .jp-RenderedHTMLCommon {
  padding: 0;
}
`,""]),l.d(e,{},{A:i})},"./node_modules/css-loader/dist/cjs.js!./labextension/style/index.css"(o,e,l){var r=l("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),p=l.n(r),t=l("./node_modules/css-loader/dist/runtime/api.js"),i=l.n(t),d=l("./node_modules/css-loader/dist/cjs.js!./labextension/style/base.css"),a=l("./node_modules/css-loader/dist/cjs.js!./labextension/style/panel.css"),n=l("./node_modules/css-loader/dist/cjs.js!./labextension/style/card.css"),s=l("./node_modules/css-loader/dist/cjs.js!./labextension/style/lint.css"),c=l("./node_modules/css-loader/dist/cjs.js!./labextension/style/panels.css"),m=l("./node_modules/css-loader/dist/cjs.js!./labextension/style/traffic.css"),j=i()(p());j.i(d.A),j.i(a.A),j.i(n.A),j.i(s.A),j.i(c.A),j.i(m.A),j.push([o.id,`
`,""]),l.d(e,{},{A:j})},"./node_modules/css-loader/dist/cjs.js!./labextension/style/lint.css"(o,e,l){var r=l("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),p=l.n(r),t=l("./node_modules/css-loader/dist/runtime/api.js"),i=(l.n(t))()(p());i.push([o.id,`/* Findings of the linter in editors. */

.cm-editor .cm-lintRange.jp-mldeploy-mark {
  background-image: none;
  text-decoration: underline wavy 1px;
  text-decoration-skip-ink: none;
  text-underline-offset: 3px;
}

.cm-editor .cm-lintRange.jp-mldeploy-mark-hint {
  text-decoration: underline dotted 2px var(--jp-ui-font-color2);
}

.cm-editor .cm-lintRange.jp-mldeploy-mark-info {
  text-decoration-color: var(--jp-info-color1);
}

.cm-editor .cm-lintRange.jp-mldeploy-mark-warning {
  text-decoration-color: var(--jp-warn-color0);
}

.cm-editor .cm-lintRange.jp-mldeploy-mark-error {
  text-decoration-color: var(--jp-error-color1);
}

.cm-tooltip:has(> .jp-mldeploy-Findings),
.cm-tooltip.jp-mldeploy-Findings,
.cm-tooltip-hover:has(.jp-mldeploy-Findings) {
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  border: var(--jp-border-width) solid var(--jp-border-color1);
  box-shadow: var(--jp-elevation-z4);
  z-index: 100;
}

.jp-mldeploy-Findings {
  max-width: 64ch;
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  line-height: 1.4;
}

.jp-mldeploy-Finding {
  padding: 6px 10px;
  border-left: 4px solid var(--jp-info-color1);
}

.jp-mldeploy-Finding + .jp-mldeploy-Finding {
  border-top: var(--jp-border-width) solid var(--jp-border-color2);
}

.jp-mldeploy-Finding[data-severity='error'] {
  border-left-color: var(--jp-error-color1);
}

.jp-mldeploy-Finding[data-severity='warning'] {
  border-left-color: var(--jp-warn-color0);
}

.jp-mldeploy-Finding[data-severity='hint'] {
  border-left-color: var(--jp-border-color1);
}

.jp-mldeploy-Finding-message {
  margin: 0;
}

.jp-mldeploy-Finding-severity {
  font-weight: 600;
}

.jp-mldeploy-Finding-rule {
  padding: 0;
  border: 0;
  font: inherit;
  color: var(--jp-content-link-color);
  background: none;
  cursor: pointer;
}

.jp-mldeploy-Finding-rule:hover {
  text-decoration: underline;
}

.jp-mldeploy-Finding-fixes {
  display: flex;
  flex-wrap: wrap;
  gap: 6px;
  margin-top: 6px;
}

.jp-mldeploy-Finding-fix {
  padding: 2px 8px;
  border: var(--jp-border-width) solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  font: inherit;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color2);
  cursor: pointer;
}

.jp-mldeploy-Finding-fix:hover {
  background: var(--jp-layout-color3);
}

.jp-mldeploy-Finding-rule:focus-visible,
.jp-mldeploy-Finding-fix:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: 1px;
}

.jp-mldeploy-Rule {
  max-width: 90ch;
  padding: 8px 24px;
  overflow: auto;
}
`,""]),l.d(e,{},{A:i})},"./node_modules/css-loader/dist/cjs.js!./labextension/style/panel.css"(o,e,l){var r=l("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),p=l.n(r),t=l("./node_modules/css-loader/dist/runtime/api.js"),i=(l.n(t))()(p());i.push([o.id,`/* The sidebar's list, and the details of one service. */

.jp-mldeploy-Panel {
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  display: flex;
  flex-direction: column;
  font-size: var(--jp-ui-font-size1);
  min-width: 200px;
}

.jp-mldeploy-ServiceList {
  display: flex;
  flex: 1;
  flex-direction: column;
  min-height: 0;
}

.jp-mldeploy-ListHeader {
  align-items: center;
  display: flex;
  gap: 2px;
  padding: 6px 8px 4px 12px;
}

.jp-mldeploy-ListHeader > h2 {
  flex: 1;
  font-size: var(--jp-ui-font-size1);
  font-weight: 600;
  margin: 0;
}

.jp-mldeploy-Filter {
  align-items: center;
  display: flex;
  padding: 0 12px;
  position: relative;
}

.jp-mldeploy-Filter > span {
  left: 18px;
  pointer-events: none;
  position: absolute;
}

.jp-mldeploy-Filter > span svg {
  display: block;
  height: 14px;
  width: 14px;
}

.jp-mldeploy-Filter > input {
  padding-left: 26px;
}

.jp-mldeploy-Count {
  margin: 6px 12px 4px;
  min-height: 1em;
}

.jp-mldeploy-Panel .jp-mldeploy-Problem {
  margin: 4px 12px;
}

.jp-mldeploy-Empty {
  line-height: 1.5;
  padding: 4px 12px;
}

.jp-mldeploy-Empty > p {
  margin: 4px 0;
}

.jp-mldeploy-Empty > pre {
  background: var(--jp-layout-color2);
  border-radius: var(--jp-border-radius);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  margin: 4px 0;
  padding: 6px 9px;
}

.jp-mldeploy-Rows {
  flex: 1;
  min-height: 0;
  overflow-y: auto;
}

.jp-mldeploy-Service {
  align-items: center;
  border-top: 1px solid var(--jp-border-color3);
  box-sizing: border-box;
  contain: strict;
  cursor: pointer;
  display: flex;
  gap: 4px;

  /* ROW_HEIGHT in src/panel/services.tsx. */
  height: 64px;
  padding: 5px 8px 5px 12px;
}

.jp-mldeploy-Service:hover,
.jp-mldeploy-Service:focus-within {
  background: var(--jp-layout-color2);
}

.jp-mldeploy-ServiceText {
  flex: 1;
  min-width: 0;
}

.jp-mldeploy-ServiceTitle,
.jp-mldeploy-ServiceFacts {
  align-items: center;
  display: flex;
  gap: 8px;
  white-space: nowrap;
}

.jp-mldeploy-ServiceTitle > strong {
  font-weight: 600;
  overflow: hidden;
  text-overflow: ellipsis;
}

.jp-mldeploy-ServiceFacts {
  overflow: hidden;
}

.jp-mldeploy-ServiceFacts > :last-child {
  overflow: hidden;
  text-overflow: ellipsis;
}

.jp-mldeploy-ServiceUri {
  font-family: var(--jp-code-font-family);
  font-size: 11px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.jp-mldeploy-Details {
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  display: flex;
  flex-direction: column;
  font-size: var(--jp-ui-font-size1);
  min-height: 120px;
  min-width: 280px;
  overflow: hidden;
}

.jp-mldeploy-ServiceHeader {
  display: grid;
  gap: 6px;
  padding: 12px 16px 10px;
}

.jp-mldeploy-ServiceHeader h2 {
  font-size: var(--jp-ui-font-size3);
  font-weight: 600;
  margin: 0;
  overflow-wrap: anywhere;
}

.jp-mldeploy-ServiceHeader p {
  margin: 0;
}

.jp-mldeploy-Tabs {
  border-bottom: 1px solid var(--jp-border-color2);
  display: flex;
  gap: 2px;
  overflow-x: auto;
  padding: 0 12px;
}

.jp-mldeploy-Tabs > button {
  background: transparent;
  border: none;
  border-bottom: 2px solid transparent;
  color: var(--jp-ui-font-color1);
  cursor: pointer;
  font: inherit;
  padding: 6px 10px;
  white-space: nowrap;
}

.jp-mldeploy-Tabs > button:hover {
  background: var(--jp-layout-color2);
}

.jp-mldeploy-Tabs > button[aria-selected='true'] {
  border-bottom-color: var(--jp-brand-color1);
  font-weight: 600;
}

.jp-mldeploy-Pages {
  flex: 1;
  min-height: 0;
  position: relative;
}

.jp-mldeploy-Page {
  height: 100%;
  overflow: auto;
}

.jp-mldeploy-Page > .lm-Widget {
  box-sizing: border-box;
  min-height: 100%;
}

.jp-mldeploy-Overview,
.jp-mldeploy-Following {
  padding: 12px 16px;
}

.jp-mldeploy-Following h3 {
  font-size: var(--jp-ui-font-size1);
  font-weight: 600;
  margin: 10px 0 4px;
}

.jp-mldeploy-Following > :first-child > h3,
.jp-mldeploy-Following > h3:first-child {
  margin-top: 0;
}

.jp-mldeploy-Following a {
  display: inline-block;
  margin: 8px 0;
  color: var(--jp-content-link-color);
}

.jp-mldeploy-Following .jp-RenderedMarkdown {
  padding: 0;
}

.jp-mldeploy-Following .jp-RenderedMarkdown pre {
  background: var(--jp-layout-color2);
  border-radius: var(--jp-border-radius);
  margin: 0;
  overflow-x: auto;
  padding: 8px 12px;
}

.jp-mldeploy-Following .jp-RenderedMarkdown pre,
.jp-mldeploy-Following .jp-RenderedMarkdown pre code {
  background: var(--jp-layout-color2);
  white-space: pre;
}

.jp-mldeploy-Facts {
  display: grid;
  gap: 6px 20px;
  grid-template-columns: max-content 1fr;
  margin: 0 0 14px;
}

.jp-mldeploy-Facts dt {
  color: var(--jp-ui-font-color1);
  opacity: 0.8;
}

.jp-mldeploy-Facts dd {
  margin: 0;
  min-width: 0;
  overflow-wrap: anywhere;
}

.jp-mldeploy-Facts code {
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
}

.jp-mldeploy-Block {
  position: relative;
}

.jp-mldeploy-Block > .jp-mldeploy-Button {
  background: var(--jp-layout-color1);
  position: absolute;
  right: 8px;
  top: 6px;
}
`,""]),l.d(e,{},{A:i})},"./node_modules/css-loader/dist/cjs.js!./labextension/style/panels.css"(o,e,l){var r=l("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),p=l.n(r),t=l("./node_modules/css-loader/dist/runtime/api.js"),i=(l.n(t))()(p());i.push([o.id,`/* The tabs of a service and the deploy form. Only variables of JupyterLab's themes. */

.jp-mldeploy-Tab {
  display: flex;
  flex-direction: column;
  min-height: 0;
  height: 100%;
  box-sizing: border-box;
  overflow: auto;
  padding: 8px 12px;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font-size: var(--jp-ui-font-size1);
}

.jp-mldeploy-Tab p {
  margin: 4px 0;
}

.jp-mldeploy-hidden {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

.jp-mldeploy-mono {
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
}

.jp-mldeploy-Row {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  margin: 8px 0;
}

.jp-mldeploy-Row label {
  display: inline-flex;
  align-items: center;
  gap: 4px;
}

.jp-mldeploy-Button.jp-mod-small {
  padding: 0 7px;
}

.jp-mldeploy-Button[aria-pressed='true'] {
  border-color: var(--jp-brand-color1);
  box-shadow: inset 0 0 0 1px var(--jp-brand-color1);
}

.jp-mldeploy-Link {
  border: none;
  background: none;
  padding: 0;
  font: inherit;
  text-align: left;
  color: var(--jp-content-link-color, var(--jp-brand-color0));
  text-decoration: underline;
  cursor: pointer;
}

.jp-mldeploy-Link:focus-visible,
.jp-mldeploy-Tab input:focus-visible,
.jp-mldeploy-Tab select:focus-visible,
.jp-mldeploy-Tab textarea:focus-visible,
.jp-mldeploy-Tab summary:focus-visible,
.jp-mldeploy-Tab [tabindex]:focus-visible {
  outline: var(--jp-focus-outline-width, 2px) solid
    var(--jp-focus-outline-color, var(--jp-brand-color1));
  outline-offset: 1px;
}

.jp-mldeploy-Tab input.jp-mod-styled,
.jp-mldeploy-Tab select.jp-mod-styled,
.jp-mldeploy-Tab textarea.jp-mod-styled {
  box-sizing: border-box;
  width: 100%;
  min-height: 28px;
  height: auto;
  padding: 3px 6px;
  border: 1px solid var(--jp-border-color0);
  border-radius: var(--jp-border-radius);
  background: var(--jp-layout-color0);
  color: var(--jp-ui-font-color0);
  font-size: var(--jp-ui-font-size1);
}

.jp-mldeploy-Tab select.jp-mod-styled {
  appearance: auto;
}

.jp-mldeploy-Tab textarea.jp-mldeploy-mono {
  font-family: var(--jp-code-font-family);
  resize: vertical;
}

.jp-mldeploy-Tab input.jp-mldeploy-short {
  width: 5em;
}

.jp-mldeploy-Tab input.jp-mldeploy-middle {
  width: 14em;
}

.jp-mldeploy-Tab [aria-invalid='true'] {
  border-color: var(--jp-error-color1);
  box-shadow: 0 0 0 1px var(--jp-error-color1);
}

.jp-mldeploy-Badge {
  display: inline-block;
  padding: 0 6px;
  border-radius: var(--jp-border-radius);
  border: 1px solid currentcolor;
  font-weight: 600;
  white-space: nowrap;
  color: var(--jp-ui-font-color1);
}

.jp-mldeploy-Badge[data-tone='good'] {
  border-left: 5px solid var(--jp-success-color1);
}

.jp-mldeploy-Badge[data-tone='bad'] {
  border-left: 5px solid var(--jp-error-color1);
}

/* Fields */

.jp-mldeploy-Field {
  margin: 8px 0;
}

.jp-mldeploy-Field-label {
  display: block;
  margin-bottom: 2px;
  font-weight: 600;
}

.jp-mldeploy-Field[data-kind='boolean'] .jp-mldeploy-Field-label {
  display: inline;
  margin-left: 4px;
}

.jp-mldeploy-Field-unit,
.jp-mldeploy-Field-required {
  font-weight: normal;
  color: var(--jp-ui-font-color2);
}

.jp-mldeploy-Tab .jp-mldeploy-Field-about {
  margin: 2px 0 0;
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size0);
  line-height: 1.35;
  overflow-wrap: anywhere;
}

.jp-mldeploy-Tab .jp-mldeploy-Field-error {
  margin: 2px 0 0;
  padding-left: 6px;
  border-left: 3px solid var(--jp-error-color1);
  color: var(--jp-ui-font-color0);
  font-weight: 600;
  overflow-wrap: anywhere;
}

.jp-mldeploy-Tab .jp-mldeploy-Field-error:empty {
  display: none;
}

.jp-mldeploy-Group {
  margin: 8px 0;
  padding: 4px 8px;
  border: 1px solid var(--jp-border-color2);
  border-radius: var(--jp-border-radius);
  min-width: 0;
}

.jp-mldeploy-Group > legend {
  padding: 0 4px;
  font-weight: 600;
}

.jp-mldeploy-Map-row {
  display: flex;
  gap: 4px;
  margin-bottom: 4px;
}

.jp-mldeploy-Section {
  margin: 4px 0;
}

.jp-mldeploy-Part {
  margin: 6px 0;
  border-top: 1px solid var(--jp-border-color2);
  padding-top: 6px;
}

.jp-mldeploy-Part > summary {
  cursor: pointer;
  font-weight: 600;
}

.jp-mldeploy-scroll {
  overflow-x: auto;
}

.jp-mldeploy-Table {
  border-collapse: collapse;
  width: 100%;
}

.jp-mldeploy-Table th,
.jp-mldeploy-Table td {
  padding: 3px 6px;
  border-bottom: 1px solid var(--jp-border-color2);
  text-align: left;
  vertical-align: top;
  overflow-wrap: anywhere;
}

/* Dates and buttons break between words at most; what does not fit is scrolled to. */
.jp-mldeploy-Table td.jp-mldeploy-When {
  overflow-wrap: normal;
}

.jp-mldeploy-Table td button {
  white-space: nowrap;
}

.jp-mldeploy-Table thead th {
  white-space: nowrap;
}

/* Figures stay whole; headings and what went wrong may take several lines. */
.jp-mldeploy-Runs td {
  overflow-wrap: normal;
  white-space: nowrap;
}

.jp-mldeploy-Table.jp-mldeploy-Runs thead th,
.jp-mldeploy-Runs td:last-child {
  overflow-wrap: normal;
  white-space: normal;
}

/* Answers that changed: as many as there may be, in a part of the tab. */
.jp-mldeploy-Replay {
  max-height: 320px;
  overflow: auto;
}

/* JSON has few places to break at; its first characters stand beside the triangle. */
.jp-mldeploy-Replay summary {
  word-break: break-all;
}

.jp-mldeploy-Replay thead th {
  position: sticky;
  top: 0;
  background: var(--jp-layout-color1);
}

.jp-mldeploy-List {
  margin: 4px 0;
  padding: 0;
  list-style: none;
}

.jp-mldeploy-List > li {
  padding: 2px 0;
}

/* Test */

.jp-mldeploy-Modes {
  display: flex;
  gap: 0;
  margin: 0 0 8px;
  padding: 0;
  border: none;
}

.jp-mldeploy-Modes label {
  padding: 4px 12px;
  border: 1px solid var(--jp-border-color1);
  cursor: pointer;
}

.jp-mldeploy-Modes label + label {
  border-left: none;
}

.jp-mldeploy-Modes label[data-selected='true'] {
  background: var(--jp-layout-color3);
  font-weight: 600;
}

.jp-mldeploy-Modes input {
  margin: 0 6px 0 0;
}

.jp-mldeploy-Grid-scroll {
  overflow: auto;
  max-height: 320px;
}

.jp-mldeploy-Grid table {
  border-collapse: collapse;
}

.jp-mldeploy-Grid th {
  padding: 2px 6px;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size0);
  text-align: right;
  background: var(--jp-layout-color2);
  border: 1px solid var(--jp-border-color2);
}

.jp-mldeploy-Grid thead th {
  position: sticky;
  top: 0;
}

.jp-mldeploy-Grid td {
  padding: 0;
  border: 1px solid var(--jp-border-color2);
}

.jp-mldeploy-Grid td input {
  width: 100%;
  min-width: 5em;
  box-sizing: border-box;
  border: none;
  padding: 4px 6px;
  background: var(--jp-layout-color0);
  color: var(--jp-ui-font-color0);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
}

.jp-mldeploy-Tab .jp-mldeploy-Grid td input:focus-visible {
  outline-offset: -2px;
}

.jp-mldeploy-Grid-actions {
  display: flex;
  gap: 6px;
  margin-top: 4px;
}

.jp-mldeploy-Response {
  margin: 8px 0;
  padding: 6px 8px;
  border: 1px solid var(--jp-border-color2);
  border-radius: var(--jp-border-radius);
}

.jp-mldeploy-Response pre {
  margin: 4px 0;
  padding: 6px;
  max-height: 320px;
  overflow: auto;
  background: var(--jp-layout-color2);
  color: var(--jp-ui-font-color0);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}

.jp-mldeploy-Response-image {
  max-width: 100%;
  max-height: 400px;
}

.jp-mldeploy-Histogram {
  margin: 4px 0;
}

.jp-mldeploy-Histogram svg {
  width: 100%;
  max-width: 480px;
}

.jp-mldeploy-Histogram rect {
  fill: var(--jp-brand-color1);
}

.jp-mldeploy-Histogram line {
  stroke: var(--jp-ui-font-color1);
  stroke-width: 1;
  stroke-dasharray: 3 2;
}

.jp-mldeploy-Histogram text {
  fill: var(--jp-ui-font-color1);
  font-size: 9px;
}

/* Logs */

.jp-mldeploy-Logs {
  overflow: hidden;
  padding: 6px 0 0;
}

.jp-mldeploy-LogBar {
  display: flex;
  flex-wrap: wrap;
  flex: 0 0 auto;
  align-items: center;
  gap: 6px;
  padding: 0 8px 6px;
}

.jp-mldeploy-LogBar input.jp-mod-styled {
  flex: 1 1 140px;
  width: auto;
}

.jp-mldeploy-LogBar select.jp-mod-styled {
  flex: 0 1 150px;
  width: auto;
}

.jp-mldeploy-LogBar-count {
  color: var(--jp-ui-font-color2);
}

.jp-mldeploy-LogBar-said:empty {
  display: none;
}

.jp-mldeploy-LogList {
  flex: 1 1 auto;
  min-height: 120px;
  overflow: auto;
  contain: strict;
  border-top: 1px solid var(--jp-border-color2);
  background: var(--jp-layout-color0);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
}

.jp-mldeploy-Tab .jp-mldeploy-LogList:focus-visible {
  outline-offset: -2px;
}

.jp-mldeploy-LogList-sizer {
  position: relative;
  min-width: 100%;
  width: max-content;
}

.jp-mldeploy-LogList-rows {
  will-change: transform;
}

.jp-mldeploy-LogRow {
  height: 18px;
  line-height: 18px;
  padding: 0 8px 0 4px;
  border-left: 4px solid transparent;
  white-space: pre;
  color: var(--jp-ui-font-color0);
}

.jp-mldeploy-LogRow-head {
  display: inline-block;
  width: 13ch;
  color: var(--jp-ui-font-color2);
}

.jp-mldeploy-LogRow-level {
  display: inline-block;
  width: 2ch;
  font-weight: 600;
}

.jp-mldeploy-LogRow-source {
  display: inline-block;
  min-width: 11ch;
  padding-right: 1ch;
  color: var(--jp-ui-font-color2);
}

.jp-mldeploy-LogRow[data-level='debug'] {
  border-left-color: var(--jp-border-color2);
}

.jp-mldeploy-LogRow[data-level='warning'] {
  border-left-color: var(--jp-warn-color1);
  background: color-mix(in srgb, var(--jp-warn-color1) 10%, transparent);
}

.jp-mldeploy-LogRow[data-level='error'],
.jp-mldeploy-LogRow[data-level='critical'] {
  border-left-color: var(--jp-error-color1);
  background: color-mix(in srgb, var(--jp-error-color1) 10%, transparent);
}

/* Deploy */

.jp-mldeploy-Deploy {
  width: 100%;
  max-width: 760px;
  margin: 0 auto;
}

.jp-mldeploy-Plain {
  margin: 0;
  padding: 0;
  border: none;
  min-width: 0;
}

.jp-mldeploy-Deploy .jp-mldeploy-Map-row .jp-mldeploy-Button {
  flex: none;
  align-self: start;
  min-height: 28px;
}

.jp-mldeploy-Settings {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(260px, 1fr));
  gap: 0 20px;
}

.jp-mldeploy-Badge[data-tone='warn'] {
  border-left: 5px solid var(--jp-warn-color1);
}

.jp-mldeploy-Steps {
  margin: 0;
  padding: 0;
  list-style: none;
}

.jp-mldeploy-Steps > li {
  padding: 1px 0;
}

/* Revisions */

.jp-mldeploy-Comparison {
  overflow: hidden;
}

.jp-mldeploy-Comparison > .jp-ReactWidget,
.jp-mldeploy-Comparison > :first-child {
  flex: none;
}

.jp-mldeploy-Merge {
  flex: 1 1 auto;
  min-height: 0;
  overflow: auto;
  border: 1px solid var(--jp-border-color2);
}

.jp-mldeploy-Merge .cm-mergeView {
  min-height: 100%;
}

.jp-mldeploy-Merge .cm-changedLine {
  background: color-mix(in srgb, var(--jp-brand-color1) 12%, transparent);
}

.jp-mldeploy-Merge .cm-merge-a .cm-changedText {
  background: color-mix(in srgb, var(--jp-error-color1) 30%, transparent);
}

.jp-mldeploy-Merge .cm-merge-b .cm-changedText {
  background: color-mix(in srgb, var(--jp-success-color1) 30%, transparent);
}

.jp-mldeploy-Merge .cm-collapsedLines {
  background: var(--jp-layout-color2);
  color: var(--jp-ui-font-color1);
}

.jp-mldeploy-Merge .cm-collapsedLines::before,
.jp-mldeploy-Merge .cm-collapsedLines::after {
  content: '⋯';
}
`,""]),l.d(e,{},{A:i})},"./node_modules/css-loader/dist/cjs.js!./labextension/style/traffic.css"(o,e,l){var r=l("./node_modules/css-loader/dist/runtime/noSourceMaps.js"),p=l.n(r),t=l("./node_modules/css-loader/dist/runtime/api.js"),i=(l.n(t))()(p());i.push([o.id,`.jp-mldeploy-Traffic {
  container-type: inline-size;
  overflow: auto;
  padding: 8px 12px;
}

.jp-mldeploy-Versions {
  border-collapse: collapse;
  margin-bottom: 8px;
}

.jp-mldeploy-Versions th,
.jp-mldeploy-Versions td {
  border-bottom: var(--jp-border-width) solid var(--jp-border-color2);
  font-weight: normal;
  padding: 4px 10px 4px 0;
  text-align: left;
  vertical-align: middle;
}

.jp-mldeploy-Versions tbody th {
  font-weight: 600;
}

/* A figure and its unit stay together, and so do a button's words, however narrow the tab is. */
.jp-mldeploy-Versions .jp-mldeploy-Whole,
.jp-mldeploy-Versions .jp-mldeploy-Button {
  white-space: nowrap;
}

.jp-mldeploy-Versions .jp-mldeploy-Actions {
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
}

.jp-mldeploy-Traffic input,
.jp-mldeploy-Traffic select {
  background: var(--jp-input-background);
  border: var(--jp-border-width) solid var(--jp-border-color1);
  color: var(--jp-ui-font-color1);
  font: inherit;
  padding: 2px 4px;
}

.jp-mldeploy-Traffic input[type='number'] {
  width: 4em;
}

.jp-mldeploy-Traffic input[aria-invalid='true'] {
  border-color: var(--jp-error-color1);
}

/* Beside a notebook on a small screen: closer together, so that two buttons have room beside each other. */
@container (width < 520px) {
  .jp-mldeploy-Versions th,
  .jp-mldeploy-Versions td {
    padding-right: 6px;
  }

  .jp-mldeploy-Versions input[type='number'] {
    width: 3.2em;
  }

  .jp-mldeploy-Versions .jp-mldeploy-Button {
    padding: 1px 6px;
  }
}

.jp-mldeploy-Inline {
  align-items: center;
  display: flex;
  flex-wrap: wrap;
  gap: 12px;
  margin-top: 8px;
}

.jp-mldeploy-Hidden {
  clip-path: inset(50%);
  height: 1px;
  overflow: hidden;
  position: absolute;
  white-space: nowrap;
  width: 1px;
}
`,""]),l.d(e,{},{A:i})},"./node_modules/css-loader/dist/runtime/api.js"(o){o.exports=function(o){var e=[];return e.toString=function(){return this.map(function(e){var l="",r=void 0!==e[5];return e[4]&&(l+="@supports (".concat(e[4],") {")),e[2]&&(l+="@media ".concat(e[2]," {")),r&&(l+="@layer".concat(e[5].length>0?" ".concat(e[5]):""," {")),l+=o(e),r&&(l+="}"),e[2]&&(l+="}"),e[4]&&(l+="}"),l}).join("")},e.i=function(o,l,r,p,t){"string"==typeof o&&(o=[[null,o,void 0]]);var i={};if(r)for(var d=0;d<this.length;d++){var a=this[d][0];null!=a&&(i[a]=!0)}for(var n=0;n<o.length;n++){var s=[].concat(o[n]);r&&i[s[0]]||(void 0!==t&&(void 0===s[5]||(s[1]="@layer".concat(s[5].length>0?" ".concat(s[5]):""," {").concat(s[1],"}")),s[5]=t),l&&(s[2]&&(s[1]="@media ".concat(s[2]," {").concat(s[1],"}")),s[2]=l),p&&(s[4]?(s[1]="@supports (".concat(s[4],") {").concat(s[1],"}"),s[4]=p):s[4]="".concat(p)),e.push(s))}},e}},"./node_modules/css-loader/dist/runtime/noSourceMaps.js"(o){o.exports=function(o){return o[1]}},"./node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js"(o){var e=[];function l(o){for(var l=-1,r=0;r<e.length;r++)if(e[r].identifier===o){l=r;break}return l}function r(o,r){for(var p={},t=[],i=0;i<o.length;i++){var d=o[i],a=r.base?d[0]+r.base:d[0],n=p[a]||0,s="".concat(a," ").concat(n);p[a]=n+1;var c=l(s),m={css:d[1],media:d[2],sourceMap:d[3],supports:d[4],layer:d[5]};if(-1!==c)e[c].references++,e[c].updater(m);else{var j=function(o,e){var l=e.domAPI(e);return l.update(o),function(e){e?(e.css!==o.css||e.media!==o.media||e.sourceMap!==o.sourceMap||e.supports!==o.supports||e.layer!==o.layer)&&l.update(o=e):l.remove()}}(m,r);r.byIndex=i,e.splice(i,0,{identifier:s,updater:j,references:1})}t.push(s)}return t}o.exports=function(o,p){var t=r(o=o||[],p=p||{});return function(o){o=o||[];for(var i=0;i<t.length;i++){var d=l(t[i]);e[d].references--}for(var a=r(o,p),n=0;n<t.length;n++){var s=l(t[n]);0===e[s].references&&(e[s].updater(),e.splice(s,1))}t=a}}},"./node_modules/style-loader/dist/runtime/insertBySelector.js"(o){var e={};o.exports=function(o,l){var r=function(o){if(void 0===e[o]){var l=document.querySelector(o);if(window.HTMLIFrameElement&&l instanceof window.HTMLIFrameElement)try{l=l.contentDocument.head}catch(o){l=null}e[o]=l}return e[o]}(o);if(!r)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");r.appendChild(l)}},"./node_modules/style-loader/dist/runtime/insertStyleElement.js"(o){o.exports=function(o){var e=document.createElement("style");return o.setAttributes(e,o.attributes),o.insert(e,o.options),e}},"./node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js"(o,e,l){o.exports=function(o){var e=l.nc;e&&o.setAttribute("nonce",e)}},"./node_modules/style-loader/dist/runtime/styleDomAPI.js"(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var e=o.insertStyleElement(o);return{update:function(l){var r,p,t;r="",l.supports&&(r+="@supports (".concat(l.supports,") {")),l.media&&(r+="@media ".concat(l.media," {")),(p=void 0!==l.layer)&&(r+="@layer".concat(l.layer.length>0?" ".concat(l.layer):""," {")),r+=l.css,p&&(r+="}"),l.media&&(r+="}"),l.supports&&(r+="}"),(t=l.sourceMap)&&"u">typeof btoa&&(r+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(t))))," */")),o.styleTagTransform(r,e,o.options)},remove:function(){var o;null===(o=e).parentNode||o.parentNode.removeChild(o)}}}},"./node_modules/style-loader/dist/runtime/styleTagTransform.js"(o){o.exports=function(o,e){if(e.styleSheet)e.styleSheet.cssText=o;else{for(;e.firstChild;)e.removeChild(e.firstChild);e.appendChild(document.createTextNode(o))}}}}]);