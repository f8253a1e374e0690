// Line charts side by side, as SVG.

export interface Line {
  readonly label: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** A level to compare with. */
  readonly dashed?: boolean;
}

export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Range of y. Default: from 0 to a round number above all points. */
  readonly range?: readonly [number, number];
}

const PANEL = { width: 420, height: 240 } as const;
/** Room around the plot of a panel: title and labels of lines above, numbers at the left and below. */
const ROOM = { left: 40, right: 14, top: 46, bottom: 30 } as const;
const COLUMNS = 2;
/** About the mean width of a letter, and the room between the names of lines. */
const LETTER = 5.6;
const LEGEND_GAP = 14;
const INK = '#444';

/** The panels in rows of two; x is kimg, and the same for all. */
export function chartSvg(panels: readonly Panel[]): string {
  const columns = Math.min(COLUMNS, panels.length);
  const width = columns * PANEL.width;
  const height = Math.ceil(panels.length / columns) * PANEL.height;
  const points = panels.flatMap(({ lines }) => lines.flatMap((line) => line.points));
  const last = Math.max(...points.map(([x]) => x));
  const drawn = panels.map((panel, i) => {
    const [left, top] = [(i % columns) * PANEL.width, Math.floor(i / columns) * PANEL.height];
    return `<g transform="translate(${left} ${top})">\n${panelSvg(panel, last)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    '  font-family="Helvetica, Arial, sans-serif" font-size="11">',
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function panelSvg({ title, lines, range }: Panel, last: number): string {
  const ys = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const [low, high] = range ?? [0, niceAbove(Math.max(...ys))];
  const x = scale(0, last, ROOM.left, PANEL.width - ROOM.right);
  const y = scale(low, high, PANEL.height - ROOM.bottom, ROOM.top);
  const clamp = (value: number) => Math.min(high, Math.max(low, value));
  const steps = [0, 1, 2, 3, 4];
  const grid = steps.map((i) => {
    const value = low + ((high - low) * i) / 4;
    const at = y(value);
    return (
      `<path d="M${ROOM.left} ${at}H${PANEL.width - ROOM.right}" stroke="#ddd"/>` +
      text(ROOM.left - 5, at + 4, 'end', INK, round(value))
    );
  });
  const numbers = steps.map((i) => {
    const value = round((last * i) / 4);
    return text(
      x((last * i) / 4),
      PANEL.height - 12,
      i < 4 ? 'middle' : 'end',
      INK,
      i < 4 ? value : `${value} kimg`,
    );
  });
  const paths = lines.map(({ points, color, dashed }) => {
    const path = points.map(([px, py]) => `${x(px)} ${y(clamp(py))}`).join('L');
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    return `<path d="M${path}" fill="none" stroke="${color}" stroke-width="1.8"${dash}/>`;
  });
  let left: number = ROOM.left;
  const legend = lines.map(({ label, color, dashed, points }) => {
    // A level is named where it begins, a curve above the plot.
    if (dashed) return text(ROOM.left + 4, y(clamp(points[0][1])) + 12, 'start', color, label);
    const drawn = text(left, 36, 'start', color, label);
    left += label.length * LETTER + LEGEND_GAP;
    return drawn;
  });
  const heading = `<text x="${ROOM.left}" y="18" font-size="13" fill="#111">${escaped(title)}</text>`;
  return [heading, ...legend, ...grid, ...numbers, ...paths].join('\n');
}

/** Linear from [a, b] to [from, to], in tenths of a pixel. */
function scale(a: number, b: number, from: number, to: number): (value: number) => number {
  return (value) => Math.round((from + ((value - a) / (b - a || 1)) * (to - from)) * 10) / 10;
}

/** The smallest of 1, 2, 4, 6, 8, 10 times a power of ten that is not below. */
export function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return value <= 0 ? 1 : [1, 2, 4, 6, 8, 10].find((step) => step * power >= value)! * power;
}

const round = (value: number): string => String(Number(value.toPrecision(4)));

function text(x: number, y: number, anchor: string, fill: string, content: string): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${fill}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
