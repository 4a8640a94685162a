// What the page says, in each of its languages.
const texts = {
  en: {theme: "Dark or light", words: "What to draw", settings: "Settings", prompt: "Prompt", negative: "Negative prompt", model: "Model", sampler: "Sampler",
    schedule: "Schedule", steps: "Steps", guidance: "Guidance", strength: "Strength", width: "Width", height: "Height",
    seed: "Seed (-1: random)", source: "What steers", draw: "Draw", photo: "Photo …", pen: "Pen", eraser: "Eraser", undo: "Undo", clear: "Clear",
    lineWidth: "Width of the pen", start: "Draw picture", cancel: "Cancel", live: "Live",
    liveSteps: "Steps while live", result: "Picture", queue: "Queue", gallery: "Gallery", picture: "Picture", use: "Use these settings",
    save: "Save", close: "Close", keyTitle: "This server asks for a key", key: "Key", ok: "OK", progress: "Progress",
    board: "Drawing area: draw with the pointer, or drop a photo", waiting: "waiting, number {}", drawing: "step {} of {}",
    howMuch: "How it steers", details: "Details", keepSeed: "Keep its seed", newer: "The newer picture", older: "The older picture",
    boardHint: "Draw here, or drop a photo", initialHint: "Choose a photo, or drop one here", resultHint: "What you draw appears here",
    "low threshold": "Low threshold", "high threshold": "High threshold",
    preparing: "preparing", decoding: "finishing", done: "done in {} s", cancelled: "cancelled", failed: "failed: {}", latency: "{} ms from stroke to picture, first preview after {} ms",
    on: "on {}", resultOf: "Picture drawn for: {}", lora: "LoRA", add: "Add", more: "More settings", clipSkip: "CLIP skip", hires: "Second pass, times as large",
    variation: "Variation", subseed: "Seed of the variation", remove: "Remove", preprocessor: "Made into a hint by", control: "ControlNet",
    startAt: "From", endAt: "Until", controlMode: "What counts more", balanced: "Balanced", promptFirst: "The prompt", controlFirst: "The control",
    maskHelp: "Choose a photo to begin with. Paint over what is to be drawn anew; without paint all of it is.", fill: "Under the paint at first",
    fillOriginal: "What was there", fillAround: "The colours around", fillNoise: "Noise", fillNothing: "Nothing", onlyMasked: "Draw the painted part alone, at the whole size",
    denoising: "How much is drawn anew", sheet: "Lines {}", initial: "Begin with", addSheet: "Another", beginWith: "Begin with it", strengthOf: "Strength of {}"},
  zh: {theme: "深色或浅色", words: "画什么", settings: "设置", prompt: "提示词", negative: "反向提示词", model: "模型", sampler: "采样器", schedule: "噪声调度",
    steps: "步数", guidance: "引导强度", strength: "强度", width: "宽", height: "高", seed: "种子（-1：随机）", source: "控制", draw: "手绘",
    photo: "照片…", pen: "画笔", eraser: "橡皮", undo: "撤销", clear: "清空", lineWidth: "笔宽", start: "生成图片",
    cancel: "取消", live: "实时", liveSteps: "实时步数", result: "图片", queue: "队列", gallery: "图库", picture: "图片", use: "使用这些设置", save: "保存",
    close: "关闭", keyTitle: "此服务器需要密钥", key: "密钥", ok: "确定", progress: "进度", board: "绘图区：用指针绘画，或拖入照片",
    waiting: "排队中，第 {} 位", drawing: "第 {} 步，共 {} 步", howMuch: "控制方式", details: "详情", keepSeed: "沿用此种子", newer: "较新的图片", older: "较旧的图片",
    boardHint: "在此绘画，或拖入照片", initialHint: "选择照片，或拖到此处", resultHint: "生成的图片显示在这里", "low threshold": "低阈值", "high threshold": "高阈值", preparing: "准备中", decoding: "收尾中", done: "完成，用时 {} 秒", cancelled: "已取消",
    failed: "失败：{}", latency: "从落笔到出图 {} 毫秒，首次预览 {} 毫秒", on: "运行于 {}", resultOf: "所绘图片：{}", lora: "LoRA", add: "添加",
    more: "更多设置", clipSkip: "CLIP 跳层", hires: "高清修复倍数", variation: "变体强度", subseed: "变体种子", remove: "移除", preprocessor: "预处理器",
    control: "ControlNet", startAt: "开始于", endAt: "结束于", controlMode: "侧重", balanced: "均衡", promptFirst: "提示词优先", controlFirst: "控制优先",
    maskHelp: "选择一张起始照片。涂抹要重绘的部分；不涂则全部重绘。", fill: "涂抹处的初始内容", fillOriginal: "原图", fillAround: "周围的颜色", fillNoise: "噪声",
    fillNothing: "空白", onlyMasked: "只以完整尺寸重绘涂抹部分", denoising: "重绘幅度", sheet: "线稿 {}", initial: "起始图", addSheet: "再加一张",
    beginWith: "以此图开始", strengthOf: "{} 的强度"}};
const $ = id => document.getElementById(id);
let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
const t = (key, ...values) => values.reduce((text, value) => text.replace("{}", value), texts[language][key]);

function showTexts() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
  $("board").setAttribute("aria-label", t("board"));
  $("language").textContent = language == "en" ? "中文" : "English";
  $("language").lang = language == "en" ? "zh" : "en";
  if (info) $("about").textContent = `${info.model} ${t("on", info.device)}`;
  if (sheets.length) showSheets();
  showTold();
  showLoras();
}
$("language").onclick = () => { language = language == "en" ? "zh" : "en"; localStorage.setItem("language", language); showTexts(); };
$("theme").onclick = () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme == "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
};
if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");
