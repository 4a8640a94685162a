// Sheets: each a drawing or a photo with a ControlNet to steer through, or the picture to begin with and the mask on it.
// One at a time is on the board.
const board = $("board"), pen = board.getContext("2d", {willReadFrequently: true});
let sheets = [], sheet = null, stroke = null, erasing = false;

function newSheet(isInitial) {
  const layer = document.createElement("canvas");  // what the pen draws: white lines on black, or a mask on nothing
  layer.width = board.width; layer.height = board.height;
  const made = {isInitial, layer, ink: layer.getContext("2d", {willReadFrequently: true}), mode: isInitial ? "photo" : "draw", photo: null, shown: null, undone: [],
    preprocessor: "canny", threshold_a: 100, threshold_b: 200, control: "", weight: 1, start: 0, end: 1, controlMode: "balanced", wanted: 0};
  wipe(made);
  return made;
}
function wipe(of) {
  of.ink.globalCompositeOperation = "source-over";
  if (of.isInitial) return of.ink.clearRect(0, 0, of.layer.width, of.layer.height);
  of.ink.fillStyle = "#000";
  of.ink.fillRect(0, 0, of.layer.width, of.layer.height);
}
function showBoard() {
  $("board-hint").textContent = t(sheet.isInitial ? "initialHint" : "boardHint");
  $("board-hint").classList.toggle("hidden", Boolean(stroke || sheet.photo && sheet.mode == "photo" || !sheet.isInitial && hasInk(sheet)));
  pen.globalAlpha = 1;
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, board.width, board.height);
  if (sheet.mode == "draw" && !sheet.isInitial) return pen.drawImage(sheet.layer, 0, 0);
  if (sheet.shown) pen.drawImage(sheet.shown, 0, 0, board.width, board.height);
  if (!sheet.isInitial) return;
  pen.globalAlpha = 0.6;
  pen.drawImage(tinted(sheet.layer), 0, 0);
  pen.globalAlpha = 1;
}
// A mask is white, which one would not see on a bright photo.
function tinted(layer) {
  const shown = document.createElement("canvas"), ink = shown.getContext("2d");
  shown.width = layer.width; shown.height = layer.height;
  ink.drawImage(layer, 0, 0);
  ink.globalCompositeOperation = "source-in";
  ink.fillStyle = "#1f8bff";
  ink.fillRect(0, 0, shown.width, shown.height);
  return shown;
}
function at(event) {
  const box = board.getBoundingClientRect();
  return [(event.clientX - box.left) * board.width / box.width, (event.clientY - box.top) * board.height / box.height];
}
const canDraw = () => sheet.isInitial ? sheet.photo : sheet.mode == "draw";
function remember() {
  sheet.undone.push(sheet.ink.getImageData(0, 0, board.width, board.height));
  if (sheet.undone.length > 20) sheet.undone.shift();
}
board.addEventListener("pointerdown", event => {
  if (!canDraw()) return;
  board.setPointerCapture(event.pointerId);
  remember();
  stroke = at(event);
  lineTo(stroke);
});
board.addEventListener("pointermove", event => { if (stroke) lineTo(at(event)); });
board.addEventListener("pointerup", () => { if (stroke) { stroke = null; changed(); } });
board.addEventListener("pointercancel", () => { stroke = null; });
function lineTo(point) {
  const ink = sheet.ink;
  ink.globalCompositeOperation = erasing && sheet.isInitial ? "destination-out" : "source-over";
  ink.strokeStyle = erasing && !sheet.isInitial ? "#000" : "#fff";
  ink.lineWidth = +$("line-width").value * (erasing || sheet.isInitial ? 4 : 1);
  ink.lineCap = ink.lineJoin = "round";
  ink.beginPath(); ink.moveTo(...stroke); ink.lineTo(point[0], point[1] + 0.01); ink.stroke();
  stroke = point;
  showBoard();
}
function press(id, others) { for (const other of others) $(other).setAttribute("aria-pressed", other == id); }
$("pen").onclick = () => { erasing = false; press("pen", ["pen", "eraser"]); };
$("eraser").onclick = () => { erasing = true; press("eraser", ["pen", "eraser"]); };
$("undo").onclick = () => { const last = sheet.undone.pop(); if (last) { sheet.ink.putImageData(last, 0, 0); showBoard(); changed(); } };
$("clear").onclick = () => { remember(); wipe(sheet); showBoard(); };
$("mode-draw").onclick = () => { if (!sheet.isInitial) { sheet.mode = "draw"; showSheets(); } };
$("mode-photo").onclick = () => $("file").click();
$("file").onchange = () => { takePhoto($("file").files[0]); $("file").value = ""; };
board.addEventListener("dragover", event => { event.preventDefault(); board.classList.add("over"); });
board.addEventListener("dragleave", () => board.classList.remove("over"));
board.addEventListener("drop", event => { event.preventDefault(); board.classList.remove("over"); takePhoto(event.dataTransfer.files[0]); });
document.addEventListener("paste", event => { const file = [...event.clipboardData.files].find(f => f.type.startsWith("image/")); if (file) takePhoto(file); });
function takePhoto(blob) {
  if (!blob) return;
  const reader = new FileReader(), mine = sheet;
  reader.onload = async () => {
    mine.photo = reader.result;
    mine.mode = "photo";
    await showPhoto(mine);
    showSheets();
    changed();
  };
  reader.readAsDataURL(blob);
}
// At the size that is drawn: as it is, or what the ControlNet will see of it.
async function showPhoto(of) {
  const wanted = ++of.wanted;
  try {
    const image = of.isInitial ? await cutPhoto(of.photo) : await createImageBitmap(await (await post("/api/v1/hints", hintOf(of))).blob());
    if (wanted != of.wanted) return;
    of.shown = image;
    if (of == sheet) showBoard();
  } catch (error) { tell("failed", error.message); }
}
// The largest part from the middle in the board's proportions.
async function cutPhoto(url) {
  const image = new Image(), canvas = document.createElement("canvas");
  image.src = url;
  await image.decode();
  canvas.width = board.width; canvas.height = board.height;
  const scale = Math.max(board.width / image.naturalWidth, board.height / image.naturalHeight);
  const [width, height] = [image.naturalWidth * scale, image.naturalHeight * scale];
  canvas.getContext("2d").drawImage(image, (board.width - width) / 2, (board.height - height) / 2, width, height);
  return canvas;
}
function hintOf(of) {
  const body = {image: of.photo, preprocessor: of.preprocessor, size: `${board.height}x${board.width}`};
  for (const name of ["threshold_a", "threshold_b"]) if (preprocessorOf(of)[name]) body[name] = of[name];
  if (of.preprocessor == "canny") body.threshold_a = Math.min(of.threshold_a, of.threshold_b);  // the slider that does not move gives way
  return body;
}
function resize() {
  board.width = +$("width").value; board.height = +$("height").value;
  for (const one of sheets) {
    const kept = document.createElement("canvas");
    kept.width = one.layer.width; kept.height = one.layer.height;
    kept.getContext("2d").drawImage(one.layer, 0, 0);
    one.layer.width = board.width; one.layer.height = board.height;
    wipe(one);
    one.ink.drawImage(kept, 0, 0, board.width, board.height);
    one.undone = [];
    if (one.photo) showPhoto(one);
  }
  showBoard();
}
$("width").onchange = $("height").onchange = resize;
function hasInk(of) {
  const pixels = of.ink.getImageData(0, 0, board.width, board.height).data;
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i] > 127 && pixels[i + 3] > 127) return true;
  return false;
}
// A mask is white on black.
function maskOf(of) {
  const mask = document.createElement("canvas"), ink = mask.getContext("2d");
  mask.width = board.width; mask.height = board.height;
  ink.fillStyle = "#000";
  ink.fillRect(0, 0, mask.width, mask.height);
  ink.drawImage(of.layer, 0, 0);
  return mask.toDataURL("image/png");
}
// What a sheet adds to a job.
function addSheet(of, body) {
  if (of.isInitial) {
    if (!of.shown) return;
    body.init_image = of.shown.toDataURL("image/png");
    body.denoising_strength = +$("denoising_strength").value;
    if (!hasInk(of)) return;
    Object.assign(body, {mask: maskOf(of), inpaint_fill: $("inpaint_fill").value, only_masked: $("only_masked").checked, paste_kept: "on"});
  } else if (of.mode == "photo" ? of.photo : hasInk(of)) {
    const control = of.mode == "photo" ? hintOf(of) : {image: of.layer.toDataURL("image/png"), preprocessor: "none"};
    delete control.size;
    Object.assign(control, {weight: of.weight, start: of.start, end: of.end, mode: of.controlMode});
    if (of.control) control.name = of.control;
    (body.controls ||= []).push(control);
  }
}
