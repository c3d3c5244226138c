// One photo that can be zoomed and moved, with points on it. Points are pixels of the full photo, centres at integers.

const MOST_ZOOM = 24;   // screen pixels for one of the photo
const CLICK = 4;        // screen pixels that a pointer may move and still be a click
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class PhotoView {
  // told: {width, height, reduced}; url: of the picture; on: {place(x, y), move(id, x, y, first), remove(id), choose(id)}
  constructor(section, told, url, image, on) {
    Object.assign(this, { told, url, image, on });
    this.stage = section.querySelector(".stage");
    this.canvas = this.stage.appendChild(document.createElement("canvas"));
    this.marks = this.stage.appendChild(document.createElement("div"));
    this.ghost = this.stage.appendChild(document.createElement("div"));
    this.ghost.className = "ghost";
    this.ghost.hidden = true;
    this.cross = this.stage.appendChild(document.createElement("div"));
    this.cross.className = "cross";
    this.buttons = new Map();
    this.pointers = new Map();
    this.detail = null;
    this.points = [];
    section.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
      if (button.dataset.zoom === "fit") this.fit();
      else this.zoom(Number(button.dataset.zoom));
    }));
    this.stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = this.where(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), x, y);
    }, { passive: false });
    this.stage.addEventListener("pointerdown", (event) => this.down(event));
    this.stage.addEventListener("pointermove", (event) => this.moved(event));
    this.stage.addEventListener("pointerup", (event) => this.up(event));
    this.stage.addEventListener("pointercancel", (event) => { this.pointers.delete(event.pointerId); this.still = false; });
    this.stage.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.resize();
    this.fit();
  }

  // view -------------------------------------------------------------------
  resize() {
    const ratio = window.devicePixelRatio || 1;
    const before = this.width ? this.atScreen(this.width / 2, this.height / 2) : null;
    const whole = before && this.scale <= this.whole() * 1.001;
    this.width = this.stage.clientWidth;
    this.height = this.stage.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    if (whole) this.fit();
    else if (before) this.centre(before);
  }

  whole() { return Math.min(this.width / this.told.width, this.height / this.told.height); }

  fit() {
    this.scale = this.whole();
    this.cursor = [this.width / 2, this.height / 2];
    this.centre([(this.told.width - 1) / 2, (this.told.height - 1) / 2]);
  }

  centre([x, y]) {
    this.left = this.width / 2 - (x + 0.5) * this.scale;
    this.top = this.height / 2 - (y + 0.5) * this.scale;
    this.draw();
  }

  zoom(factor, x = this.cursor[0], y = this.cursor[1]) {
    const least = this.whole();
    const scale = Math.max(least, Math.min(Math.max(MOST_ZOOM, least), this.scale * factor));
    this.left = x - (x - this.left) * (scale / this.scale);
    this.top = y - (y - this.top) * (scale / this.scale);
    this.scale = scale;
    this.draw();
  }

  pan(x, y) {
    this.left += x;
    this.top += y;
    this.draw();
  }

  atScreen(x, y) { return [(x - this.left) / this.scale - 0.5, (y - this.top) / this.scale - 0.5]; }
  onScreen(x, y) { return [this.left + (x + 0.5) * this.scale, this.top + (y + 0.5) * this.scale]; }
  inside([x, y]) { return x >= -0.5 && y >= -0.5 && x <= this.told.width - 0.5 && y <= this.told.height - 0.5; }
  kept([x, y]) { return [Math.min(Math.max(x, 0), this.told.width - 1), Math.min(Math.max(y, 0), this.told.height - 1)]; }

  where(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  draw() {
    const wide = this.told.width * this.scale, high = this.told.height * this.scale;
    const held = (start, size, room) => size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, start));
    this.left = held(this.left, wide, this.width);
    this.top = held(this.top, high, this.height);
    const pen = this.canvas.getContext("2d"), ratio = this.canvas.width / Math.max(this.width, 1);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.imageSmoothingEnabled = this.scale < 4;
    pen.drawImage(this.image, this.left, this.top, wide, high);
    if (this.detail) {
      const [x, y] = this.onScreen(this.detail.x - 0.5, this.detail.y - 0.5);
      pen.drawImage(this.detail.image, x, y, this.detail.image.width * this.scale, this.detail.image.height * this.scale);
    }
    this.place();
    this.askDetail();
  }

  askDetail() {
    clearTimeout(this.waiting);
    if (!this.told.reduced || this.scale * this.told.width <= this.image.width * 1.1) return;
    this.waiting = setTimeout(async () => {
      const [x0, y0] = this.kept(this.atScreen(0, 0)).map(Math.floor);
      const [x1, y1] = this.kept(this.atScreen(this.width, this.height)).map(Math.ceil);
      const had = this.detail;
      if (had && had.x <= x0 && had.y <= y0 && had.x + had.image.width > x1 && had.y + had.image.height > y1) return;
      const image = new Image();
      image.src = `${this.url}?x=${x0}&y=${y0}&w=${x1 - x0 + 1}&h=${y1 - y0 + 1}`;
      try { await image.decode(); } catch { return; }
      this.detail = { x: x0, y: y0, image };
      this.draw();
    }, 180);
  }

  // points -----------------------------------------------------------------
  // points: [{id, number, at: [x, y], kind, label}]; ghost: [x, y] or null
  show(points, ghost) {
    this.points = points;
    this.guess = ghost;
    for (const [id, button] of this.buttons) {
      if (!points.some((point) => point.id === id)) { button.remove(); this.buttons.delete(id); }
    }
    for (const point of points) {
      let button = this.buttons.get(point.id);
      if (!button) {
        button = document.createElement("button");
        button.type = "button";
        button.dataset.id = point.id;
        button.addEventListener("focus", () => this.on.choose(point.id));
        this.buttons.set(point.id, this.marks.appendChild(button));
      }
      button.className = `mark ${point.kind}`;
      button.dataset.number = point.number;
      button.setAttribute("aria-label", point.label);
    }
    this.place();
  }

  place() {
    for (const point of this.points) {
      const [x, y] = this.onScreen(...point.at), button = this.buttons.get(point.id);
      button.style.left = `${x}px`;
      button.style.top = `${y}px`;
      button.classList.toggle("flip", x > this.width - 40);
    }
    this.ghost.hidden = !this.guess;
    if (this.guess) {
      const [x, y] = this.onScreen(...this.guess);
      this.ghost.style.left = `${x}px`;
      this.ghost.style.top = `${y}px`;
    }
    this.cross.style.left = `${this.cursor[0]}px`;
    this.cross.style.top = `${this.cursor[1]}px`;
  }

  seek(at) {
    const [x, y] = this.onScreen(...at);
    if (x < 0 || y < 0 || x > this.width || y > this.height) this.centre(at);
  }

  // pointers ---------------------------------------------------------------
  down(event) {
    if (event.button !== 0) return;
    const mark = event.target.closest(".mark"), at = this.where(event);
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, at);
    this.still = this.pointers.size === 1;
    this.began = at;
    this.held = null;
    if (mark && this.pointers.size === 1) {
      const id = Number(mark.dataset.id), point = this.points.find((one) => one.id === id).at;
      const [x, y] = this.onScreen(...point);
      this.held = { id, offset: [x - at[0], y - at[1]], first: true };
    }
  }

  moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.where(event);
    if (this.still && Math.hypot(now[0] - this.began[0], now[1] - this.began[1]) <= CLICK) return;
    this.still = false;
    if (this.held) {
      const at = this.atScreen(now[0] + this.held.offset[0], now[1] + this.held.offset[1]);
      this.on.move(this.held.id, ...this.kept(at), this.held.first);
      this.held.first = false;
    } else if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (a) => Math.max(Math.hypot(a[0] - other[0], a[1] - other[1]), 1);
      this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      this.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else {
      this.stage.classList.add("panning");
      this.pan(now[0] - before[0], now[1] - before[1]);
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.stage.classList.remove("panning");
    if (this.still && this.held) this.buttons.get(this.held.id)?.focus();
    else if (this.still) this.click(this.began);
    this.still = false;
    this.held = null;
  }

  click(screen) {
    const at = this.atScreen(...screen);
    this.cursor = screen;
    if (this.inside(at)) this.on.place(...this.kept(at));
  }

  // keys -------------------------------------------------------------------
  key(event) {
    if (event.ctrlKey || event.metaKey) return;
    const mark = event.target.closest(".mark"), step = STEPS[event.key];
    if (mark && (step || event.key === "Delete" || event.key === "Backspace")) {
      const id = Number(mark.dataset.id);
      if (step) {
        const [x, y] = this.points.find((one) => one.id === id).at, far = event.shiftKey ? 10 : event.altKey ? 0.1 : 1;
        this.on.move(id, ...this.kept([x + step[0] * far, y + step[1] * far]), !event.repeat);
      } else {
        this.stage.focus();
        this.on.remove(id);
      }
    } else if (!mark && step) {
      const far = event.shiftKey ? 1 : 12, [x, y] = [this.cursor[0] + step[0] * far, this.cursor[1] + step[1] * far];
      this.cursor = [Math.min(Math.max(x, 0), this.width), Math.min(Math.max(y, 0), this.height)];
      this.pan(this.cursor[0] - x, this.cursor[1] - y);
    } else if (!mark && (event.key === "Enter" || event.key === " ")) {
      this.click([...this.cursor]);
    } else if (event.key === "+" || event.key === "=") {
      this.zoom(1.5);
    } else if (event.key === "-") {
      this.zoom(1 / 1.5);
    } else if (event.key === "0") {
      this.fit();
    } else {
      return;
    }
    event.preventDefault();
  }
}
