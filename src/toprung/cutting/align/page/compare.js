// Lays the plate over the photo in the browser: blend, flicker, residual.

const SIDE = 640;  // longest side in pixels of what is compared
const STOPS = [[13, 17, 30], [86, 32, 107], [203, 62, 77], [250, 164, 54], [255, 250, 220]];
const WHITE = 64;  // difference, of 255, that is drawn in the last colour

export class Compare {
  // plate, photo: {width, height} of the full pictures; the images may be reduced
  constructor(canvas, plate, photo, plateImage, photoImage) {
    this.canvas = canvas;
    this.plate = sampled(plate, plateImage);
    this.photo = sampled(photo, photoImage);
    canvas.width = this.photo.data.width;
    canvas.height = this.photo.data.height;
    this.pen = canvas.getContext("2d");
    this.out = this.pen.createImageData(canvas.width, canvas.height);
    this.aligned = null;
  }

  // transform: {matrix, gain, offset} or null; returns {median, rms} of 255, or null
  lay(transform) {
    this.aligned = null;
    const inverse = transform && inverted(this.between(transform.matrix));
    if (!inverse) return null;
    const { width, height, data: photo } = this.photo.data, { width: wide, height: high, data: plate } = this.plate.data;
    const aligned = new Uint8ClampedArray(width * height * 4), counts = new Uint32Array(256);
    const [a, b, c, d, e, f, g, h, k] = inverse, { gain, offset } = transform;
    let squares = 0, covered = 0;
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += 4) {
        const depth = g * x + h * y + k, u = (a * x + b * y + c) / depth, v = (d * x + e * y + f) / depth;
        if (!(depth > 0 && u >= 0 && v >= 0 && u <= wide - 1 && v <= high - 1)) continue;
        const left = Math.min(u | 0, wide - 2), top = Math.min(v | 0, high - 2), s = u - left, t = v - top;
        const corner = (top * wide + left) * 4, below = corner + wide * 4;
        let square = 0;
        for (let i = 0; i < 3; i++) {
          const value = (1 - t) * ((1 - s) * plate[corner + i] + s * plate[corner + 4 + i])
            + t * ((1 - s) * plate[below + i] + s * plate[below + 4 + i]);
          aligned[at + i] = gain[i] * value + 255 * offset[i];
          square += (photo[at + i] - aligned[at + i]) ** 2;
        }
        aligned[at + 3] = 255;
        squares += square / 3;
        covered += 1;
        counts[Math.min(255, Math.round(Math.sqrt(square / 3) * 4))] += 1;  // in quarters, up to 64
      }
    }
    this.aligned = aligned;
    if (!covered) return null;
    let below = 0, median = 0;
    while (below + counts[median] < covered / 2) below += counts[median++];
    return { median: median / 4, rms: Math.sqrt(squares / covered) };
  }

  // mode: "photo", "plate", "blend" (share 0 to 1 of the plate) or "residual"
  show(mode, share = 0.5) {
    const out = this.out.data, photo = this.photo.data.data, aligned = this.aligned;
    for (let at = 0; at < out.length; at += 4) {
      out[at + 3] = 255;
      const covered = aligned && aligned[at + 3];
      if (mode === "residual") {
        const colour = covered ? heat(photo, aligned, at) : [40, 46, 54];
        for (let i = 0; i < 3; i++) out[at + i] = colour[i];
      } else {
        const part = !covered ? (mode === "plate" ? 0.25 : 1) : mode === "photo" ? 1 : mode === "plate" ? 0 : 1 - share;
        for (let i = 0; i < 3; i++) out[at + i] = part * photo[at + i] + (covered ? (1 - part) * aligned[at + i] : 0);
      }
    }
    this.pen.putImageData(this.out, 0, 0);
  }

  // the transform between the sampled pictures
  between(matrix) { return times(times(this.photo.scaling, matrix.flat()), inverted(this.plate.scaling)); }
}

export function apply(matrix, [x, y]) {
  const [a, b, c, d, e, f, g, h, k] = matrix.flat(), depth = g * x + h * y + k;
  return [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth];
}

export function inverted(matrix) {
  const [a, b, c, d, e, f, g, h, k] = matrix.flat();
  const minors = [e * k - f * h, c * h - b * k, b * f - c * e, f * g - d * k, a * k - c * g, c * d - a * f, d * h - e * g, b * g - a * h, a * e - b * d];
  const size = a * minors[0] + b * minors[3] + c * minors[6];
  return Math.abs(size) > 1e-12 ? minors.map((value) => value / size) : null;
}

function sampled(full, image) {
  const scale = Math.min(1, SIDE / Math.max(full.width, full.height));
  const width = Math.max(2, Math.round(full.width * scale)), height = Math.max(2, Math.round(full.height * scale));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, width, height);
  const across = width / full.width, down = height / full.height;
  return { data: pen.getImageData(0, 0, width, height), scaling: [across, 0, (across - 1) / 2, 0, down, (down - 1) / 2, 0, 0, 1] };
}

function times(p, q) {
  return p.map((_, at) => { const row = at - at % 3, column = at % 3; return p[row] * q[column] + p[row + 1] * q[column + 3] + p[row + 2] * q[column + 6]; });
}

function heat(photo, aligned, at) {
  const square = (photo[at] - aligned[at]) ** 2 + (photo[at + 1] - aligned[at + 1]) ** 2 + (photo[at + 2] - aligned[at + 2]) ** 2;
  const place = Math.sqrt(Math.min(Math.sqrt(square / 3) / WHITE, 1)) * (STOPS.length - 1);
  const low = Math.min(place | 0, STOPS.length - 2), part = place - low;
  return STOPS[low].map((value, i) => value + part * (STOPS[low + 1][i] - value));
}
