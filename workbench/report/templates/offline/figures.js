// Draws the figures: as wide as there is room, in the colours of the screen, and for print in those of paper.
(() => {
"use strict";
const NARROW_PX = 600;       // below this a figure is laid out for a phone
const PAPER_PX = 700;        // width of an A4 page between its margins
const AXIS_PX = 62;          // room below a drawing for its axis: the legend stands in the page
const TOP_PX = 10;           // likewise above it, for the title does too
const LINE_CHARACTERS = 14;  // of a label beside a drawing on a phone
const MOST_LINES = 3;
const CHARACTER_PX = 6.6;
const GLYPHS = {circle: "●", square: "■", diamond: "◆", "triangle-up": "▲", x: "✖", star: "★", cross: "✚"};
const {colours: DARK, text: TEXT_ON} = JSON.parse(document.getElementById("wb-dark").textContent);
const {nonce} = document.currentScript;
const screenIsDark = window.matchMedia("(prefers-color-scheme: dark)");
let isPrinting = false;

// A copy in the colours of a dark screen. Only colours are exchanged: a name may look like one.
const recoloured = (value, key) => {
  if (typeof value === "string") {
    if (/color$/i.test(key)) return DARK[value.toLowerCase()] || value;
    return value.replace(/(style='[^']*color:)(#[0-9a-f]{6})/gi, (all, before, hex) => before + (DARK[hex.toLowerCase()] || hex));
  }
  if (Array.isArray(value)) return value.map(one => recoloured(one, key));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, recoloured(one, name)]));
  return value;
};

// Text within a bar is read against the bar, not against the page: it changes only where the bar does.
const readable = (trace, light) => {
  if (trace.type !== "bar" || !trace.textfont) return;
  const colour = (trace.marker || {}).color;
  const isExchanged = colour !== (light.marker || {}).color;
  trace.textfont.color = isExchanged ? TEXT_ON[colour] : light.textfont.color;
};

// Text in lines that there is room for; a character reference counts as the one character that it is.
const wrapped = (text, most) => {
  if (/<(?:br|span)/.test(text)) return text;
  const lines = [];
  for (const word of text.trim().split(/\s+/)) {
    const characters = word.match(/&[a-z0-9#]+;|[^]/gi) || [];
    const last = lines[lines.length - 1];
    if (last && last.length + 1 + characters.length <= most) { last.push(" ", ...characters); continue; }
    for (let at = 0; at < characters.length; at += most) lines.push(characters.slice(at, at + most));
  }
  if (lines.length > MOST_LINES) { lines.length = MOST_LINES; lines[MOST_LINES - 1].push("…"); }
  return lines.map(line => line.join("")).join("<br>");
};

const forNarrow = (data, layout, width) => {
  const overrides = (layout.meta || {}).narrow || {};
  for (const [path, value] of Object.entries(overrides)) {
    const names = path.split(".");
    const last = names.pop();
    names.reduce((at, name) => at[name] = at[name] || {}, layout)[last] = value;
  }
  for (const trace of data) if ((trace.meta || {}).narrow_text) trace.text = trace.meta.narrow_text;
  const places = {};
  for (const trace of data) {
    if (!Array.isArray(trace.y)) continue;
    const axis = "yaxis" + (trace.yaxis || "y").slice(1);
    for (const one of trace.y) if (typeof one === "string") (places[axis] = places[axis] || new Set()).add(one);
  }
  for (const [axis, names] of Object.entries(places)) {
    const labels = [...names];
    layout[axis] = Object.assign({}, layout[axis], {tickmode: "array", tickvals: labels, ticktext: labels.map(label => wrapped(label, LINE_CHARACTERS) + " ")});
    layout[axis].tickfont = Object.assign({}, layout[axis].tickfont, {size: 11});
  }
  for (const key of Object.keys(layout).filter(key => /^xaxis\d*$/.test(key))) {
    layout[key].nticks = layout[key].nticks || 5;
    layout[key].tickangle = 0;
    const title = layout[key].title;
    if (title && title.text) title.text = wrapped(title.text, Math.floor((width - 100) / CHARACTER_PX));
    if (layout[key].tickvals && layout[key].tickvals.length > 6) {
      const step = Math.ceil(layout[key].tickvals.length / 6);
      const first = Math.max(0, layout[key].tickvals.indexOf(1)) % step;
      const kept = (_, at) => at % step === first;
      layout[key].ticktext = (layout[key].ticktext || []).filter(kept);
      layout[key].tickvals = layout[key].tickvals.filter(kept);
    }
  }
  // What does not fit into its bar is named below the drawing.
  layout.uniformtext = {mode: "hide", minsize: 9};
};

const prepared = (one, width) => {
  const isDark = screenIsDark.matches && !isPrinting;
  let figure = {data: one.figure.data, layout: one.figure.layout};
  figure = isDark ? recoloured(figure, "") : structuredClone(figure);
  const {data, layout} = figure;
  if (isDark) data.forEach((trace, at) => readable(trace, one.figure.data[at]));
  const margin = Object.assign({}, ((layout.template || {}).layout || {}).margin, layout.margin);
  const below = layout.showlegend === false ? margin.b : Math.min(margin.b, AXIS_PX);
  if (layout.height) layout.height += (layout.title ? TOP_PX - margin.t : 0) + Math.min(0, below - margin.b);
  layout.margin = Object.assign({}, layout.margin, {l: 4, r: 12, t: layout.title ? TOP_PX : margin.t, b: below});
  delete layout.title;
  delete layout.updatemenus;
  const wantsLegend = layout.showlegend !== false;
  layout.showlegend = false;
  layout.autosize = false;
  layout.width = width;
  layout.dragmode = false;  // a finger that moves across a figure scrolls the page
  const isNarrow = width < NARROW_PX;
  if (isNarrow) forNarrow(data, layout, width);
  return {data, layout, isNarrow, wantsLegend};
};

const legend = (one, data, isNarrow, wantsLegend) => {
  const box = one.root.querySelector(".wb-legend");
  const shown = new Map();
  for (const trace of data) {
    const isNamed = trace.name && trace.visible !== false && wantsLegend;
    const isIn = trace.showlegend !== false || isNarrow && trace.type === "bar" && trace.textposition === "inside";
    if (isNamed && isIn && !shown.has(trace.name)) shown.set(trace.name, trace);
  }
  box.replaceChildren();
  if (shown.size < 2) return;
  for (const [name, trace] of shown) {
    const entry = document.createElement("span"), swatch = document.createElement("i");
    const marker = trace.marker || {};
    const colour = [].concat(marker.color || (trace.line || {}).color || "")[0];
    const glyph = trace.type === "scatter" && GLYPHS[marker.symbol || "circle"];
    if (glyph) { swatch.textContent = glyph; swatch.style.color = colour; }
    else swatch.style.backgroundColor = colour;
    if ([].concat((marker.pattern || {}).shape || "").some(Boolean)) swatch.className = "wb-hatched";
    const text = document.createElement("span");
    text.textContent = plain(name);
    entry.append(swatch, text);
    box.append(entry);
  }
};

// A text of plotly's, whose marks are character references, as plain text.
const plain = text => {
  const named = {amp: "&", lt: "<", gt: ">", quot: '"'};
  return text.replace(/<[^>]*>/g, " ").replace(/&(amp|lt|gt|quot|#x27|#39);/g, (all, name) => named[name] || "'");
};

const draw = one => {
  const width = isPrinting ? PAPER_PX : Math.floor(one.box.clientWidth);
  if (!width) return;
  one.width = width;
  const {data, layout, isNarrow, wantsLegend} = prepared(one, width);
  const config = Object.assign({displaylogo: false, responsive: false, scrollZoom: false}, one.figure.config, {
    displayModeBar: isNarrow || isPrinting ? false : "hover",
    modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"],
    modeBarButtonsToAdd: [{name: "Save as a picture", icon: Plotly.Icons.camera, click: () => save(one)}],
  });
  Plotly.react(one.box, data, layout, config);
  // A picture has no stops within it; the buttons are for those who point at it.
  one.box.querySelectorAll(".modebar-btn").forEach(button => button.setAttribute("tabindex", "-1"));
  legend(one, data, isNarrow, wantsLegend);
};

// With its title, and as on paper.
const save = one => Plotly.downloadImage(
  structuredClone({data: one.figure.data, layout: one.figure.layout}),
  {format: "png", width: 1080, height: one.figure.layout.height || 450, scale: 2, filename: "figure"},
);

// A menu within a drawing cannot be reached with the keyboard: the page has one instead.
const choice = one => {
  const menu = (one.figure.layout.updatemenus || [])[0];
  if (!menu) return;
  const label = document.createElement("label"), select = document.createElement("select");
  label.className = "wb-choice";
  menu.buttons.forEach((button, at) => select.add(new Option(plain(button.label), at)));
  select.addEventListener("change", () => {
    const [changes, titles] = menu.buttons[select.value].args;
    one.figure.data.forEach((trace, at) => trace.visible = changes.visible[at]);
    const title = (titles || {})["title.text"];
    if (title) one.root.querySelector(".wb-title").textContent = plain(title);
    draw(one);
  });
  label.append("Show ", select);
  one.box.before(label);
};

// On paper a heading stays with the figure that follows it: browsers keep two blocks together only within a third.
for (const heading of document.querySelectorAll(".wb-text:has(h2)")) {
  const first = (heading.nextElementSibling || heading).firstElementChild;
  if (!first || !first.querySelector("figure")) continue;
  const together = document.createElement("div");
  together.className = "wb-together";
  heading.before(together);
  together.append(heading, first);
}

const shown = [...document.querySelectorAll(".wb-figure")].map(root => ({
  root,
  box: root.querySelector(".wb-plot"),
  figure: JSON.parse(root.querySelector("script").textContent),
}));

// plotly.js lies packed in the page. Until it is there, and where a browser cannot unpack it, still pictures are shown.
const unpack = async () => {
  const packed = Uint8Array.from(atob(document.getElementById("wb-plotly").textContent), one => one.charCodeAt(0));
  const script = document.createElement("script");
  script.nonce = nonce;
  script.textContent = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  document.head.append(script);
};

const begin = () => {
  shown.forEach(one => one.box.replaceChildren());
  shown.forEach(choice);
  shown.forEach(draw);
  shown.forEach(one => widths.observe(one.box));
  screenIsDark.addEventListener("change", () => shown.forEach(draw));
  window.addEventListener("beforeprint", () => { isPrinting = true; shown.forEach(draw); });
  window.addEventListener("afterprint", () => { isPrinting = false; shown.forEach(draw); });
};

const widths = new ResizeObserver(entries => {
  if (isPrinting) return;
  for (const {target} of entries) {
    const one = shown.find(other => other.box === target);
    if (one && Math.abs(target.clientWidth - one.width) > 1) draw(one);
  }
});
const ready = shown.length ? unpack().then(begin) : Promise.resolve();
ready.catch(error => {
  for (const {box} of shown) if (!box.firstChild) box.textContent = "This browser cannot draw the figure.";
  console.error(error);
}).finally(() => document.body.dataset.figures = "done");

// What can be scrolled sideways can be scrolled with the keyboard.
const reachable = () => document.querySelectorAll(".wb-scroll, table:not(.wb-table)").forEach(box => {
  const scrolls = box.scrollWidth > box.clientWidth + 1;
  scrolls ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex");
  const caption = box.querySelector("caption");
  if (box.tagName !== "TABLE") scrolls ? box.setAttribute("role", "region") : box.removeAttribute("role");
  if (caption) scrolls ? box.setAttribute("aria-label", caption.textContent) : box.removeAttribute("aria-label");
});
reachable();
window.addEventListener("resize", reachable);
})();
