// Settings, sheets and LoRAs, as one sees and sets them.
let info = null, loras = [];
const ranges = ["steps", "guidance_scale", "line-width", "live-steps", "clip_skip", "hires_scale", "subseed_strength", "denoising_strength",
  "threshold_a", "threshold_b", "weight", "start-at", "end-at"];
const plain = ["prompt", "negative_prompt", "sampler", "schedule", "steps", "guidance_scale", "seed", "clip_skip", "hires_scale", "subseed",
  "subseed_strength", "denoising_strength", "inpaint_fill"];
function showValue(id) { document.querySelector(`output[for="${id}"]`).value = $(id).value; }
for (const id of ranges) $(id).addEventListener("input", () => showValue(id));
function fill(select, values, chosen) {
  select.replaceChildren(...values.map(value => new Option(value, value, false, value == chosen)));
}
function setRange(id, value, least, most) {
  if (least !== undefined) { $(id).min = least; $(id).max = most; $(id).step = most - least > 16 ? 1 : 0.01; }
  $(id).value = value;
  showValue(id);
}
function useSettings(settings) {
  for (const id of plain) if (settings[id] !== undefined && settings[id] !== null) $(id).value = settings[id];
  if (settings.lora) { loras = settings.lora.map(text => ({name: text.split("=")[0], strength: +(text.split("=")[1] || "1").split(":")[0]})); showLoras(); }
  (settings.controls || []).forEach((control, i) => {
    const steering = sheets.filter(one => !one.isInitial);
    if (steering[i]) Object.assign(steering[i], {weight: control.weight, start: control.start, end: control.end, controlMode: control.mode});
  });
  ranges.forEach(showValue);
  if (sheet) showSheets();
}
function settings() {
  const body = {size: `${board.height}x${board.width}`};
  for (const id of ["prompt", "negative_prompt", "sampler", "schedule"]) body[id] = $(id).value;
  for (const id of ["steps", "guidance_scale", "clip_skip"]) body[id] = +$(id).value;
  body.seed = Math.max(-1, Math.floor(+$("seed").value || 0));
  if (loras.length) body.lora = loras.map(lora => `${lora.name}=${lora.strength}`);
  if (+$("subseed_strength").value) Object.assign(body, {subseed_strength: +$("subseed_strength").value, subseed: Math.max(0, Math.floor(+$("subseed").value || 0))});
  if (info.models.length > 1) body.model = $("model").value;
  for (const one of sheets) addSheet(one, body);
  if (+$("hires_scale").value > 1 && !body.init_image) Object.assign(body, {hires_scale: +$("hires_scale").value, denoising_strength: +$("denoising_strength").value});
  return body;
}

function showLoras() {
  $("loras").classList.toggle("hidden", !info?.loras.length);
  $("chosen-loras").replaceChildren(...loras.map(lora => {
    const item = document.createElement("li"), name = document.createElement("span"), strength = document.createElement("input"), remove = document.createElement("button");
    name.textContent = lora.name;
    Object.assign(strength, {type: "number", step: 0.05, value: lora.strength, style: "width:5.5rem"});
    strength.setAttribute("aria-label", t("strengthOf", lora.name));
    strength.onchange = () => { lora.strength = +strength.value; changed(); };
    Object.assign(remove, {type: "button", textContent: "×"});
    remove.setAttribute("aria-label", `${t("remove")}: ${lora.name}`);
    remove.onclick = () => { loras = loras.filter(one => one != lora); showLoras(); changed(); };
    item.append(name, strength, remove);
    return item;
  }));
}
$("add-lora").onclick = () => { if ($("lora").value) { loras.push({name: $("lora").value, strength: 1}); showLoras(); changed(); } };

const preprocessorOf = of => info.preprocessors.find(one => one.name == of.preprocessor);
function choose(one) { sheet = one; showSheets(); }
function showSheets() {
  let count = 0;
  const buttons = sheets.map(one => {
    const button = document.createElement("button");
    Object.assign(button, {type: "button", textContent: one.isInitial ? t("initial") : t("sheet", ++count)});
    button.setAttribute("aria-pressed", one == sheet);
    button.onclick = () => choose(one);
    return button;
  });
  const more = document.createElement("button");
  Object.assign(more, {id: "add-sheet", type: "button", textContent: t("addSheet"), disabled: count >= 8});
  more.onclick = () => { sheets.splice(-1, 0, newSheet(false)); choose(sheets.at(-2)); };
  $("sheets").replaceChildren(...buttons, more);
  const isPhoto = sheet.mode == "photo", of = preprocessorOf(sheet);
  press(isPhoto ? "mode-photo" : "mode-draw", ["mode-draw", "mode-photo"]);
  const show = (id, visible) => $(id).classList.toggle("hidden", !visible);
  show("mode-draw", !sheet.isInitial);
  show("draw-tools", sheet.isInitial || !isPhoto);
  show("photo-tools", !sheet.isInitial && isPhoto);
  show("control-tools", !sheet.isInitial);
  show("control-row", info.controls.length > 1);
  show("initial-tools", sheet.isInitial);
  show("remove-sheet", sheet.isInitial ? sheet.photo : count > 1);
  show("strength-row", sheet.isInitial || +$("hires_scale").value > 1);
  $("preprocessor").value = sheet.preprocessor;
  for (const name of ["threshold_a", "threshold_b"]) {
    const number = of[name];
    show(name + "-row", number);
    if (!number) continue;
    $(name + "-name").textContent = texts[language][number.meaning] || number.meaning;
    setRange(name, sheet[name], number.least, Math.min(number.most, sheet.preprocessor == "canny" ? 500 : number.most));
  }
  $("control").value = sheet.control;
  setRange("weight", sheet.weight);
  setRange("start-at", sheet.start);
  setRange("end-at", sheet.end);
  $("control-mode").value = sheet.controlMode;
  showBoard();
}
$("remove-sheet").onclick = () => {
  if (sheet.isInitial) { Object.assign(sheet, {photo: null, shown: null}); wipe(sheet); showSheets(); }
  else { sheets = sheets.filter(one => one != sheet); choose(sheets[0]); }
};
$("hires_scale").addEventListener("input", () => showSheets());
$("preprocessor").onchange = () => {
  sheet.preprocessor = $("preprocessor").value;
  for (const name of ["threshold_a", "threshold_b"]) sheet[name] = preprocessorOf(sheet)[name]?.usual;
  showSheets();
  showPhoto(sheet).then(changed);
};
let moving = 0;
for (const name of ["threshold_a", "threshold_b"])
  $(name).addEventListener("input", () => {
    sheet[name] = +$(name).value;
    clearTimeout(moving);
    const mine = sheet;
    moving = setTimeout(() => mine.photo && showPhoto(mine).then(changed), 60);
  });
$("control").onchange = () => { sheet.control = $("control").value; changed(); };
for (const [id, name] of [["weight", "weight"], ["start-at", "start"], ["end-at", "end"]])
  $(id).addEventListener("input", () => { sheet[name] = +$(id).value; });
$("start-at").addEventListener("input", () => { if (sheet.end < sheet.start) { sheet.end = sheet.start; setRange("end-at", sheet.end); } });
$("end-at").addEventListener("input", () => { if (sheet.start > sheet.end) { sheet.start = sheet.end; setRange("start-at", sheet.start); } });
$("control-mode").onchange = () => { sheet.controlMode = $("control-mode").value; changed(); };
