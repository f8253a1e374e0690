// Label files that people have: dataset.json, a JSON object, or a table with one line per image.
import { FileError } from '../core/errors.ts';
import { type Label, parseDatasetJson } from './dataset-json.ts';

export interface NamedLabels {
  /** By image path or file name. */
  readonly byName: ReadonlyMap<string, Label>;
  readonly labelNames?: readonly string[];
}

/**
 * Reads a label file by the ending of its name: `.json` in the published form or as {"image": label, …}; anything
 * else as a table separated by commas, tabs or blanks: `image,class` or `image,number,number,…`. Words as classes
 * are numbered in alphabetical order; a first line without numbers names the columns.
 * @throws FileError naming `path` and the line.
 */
export function parseLabelFile(text: string, path: string): NamedLabels {
  return path.toLowerCase().endsWith('.json') ? parseJson(text, path) : parseTable(text, path);
}

function parseJson(text: string, path: string): NamedLabels {
  const published = /"labels"\s*:/.test(text);
  const wrapped = published ? text : `{"labels":${JSON.stringify(entriesOf(text, path))}}`;
  const { labels, labelNames } = parseDatasetJson(wrapped, path);
  if (!labels?.length) throw new FileError(`${path} holds no labels`);
  return { byName: new Map(labels), labelNames };
}

function entriesOf(text: string, path: string): unknown[] {
  try {
    return Object.entries(JSON.parse(text) as object);
  } catch (error) {
    throw new FileError(`${path} is not JSON: ${(error as Error).message}`);
  }
}

function parseTable(text: string, path: string): NamedLabels {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const separator = lines[0]?.includes('\t') ? '\t' : lines[0]?.includes(',') ? ',' : /\s+/;
  const rows = lines.map((line) =>
    line
      .trim()
      .split(separator)
      .map((cell) => cell.trim()),
  );
  const header = rows.length > 1 && isHeader(rows[0], rows[1]) ? rows.shift() : undefined;
  const width = rows[0]?.length ?? 0;
  if (width < 2)
    throw new FileError(`${path}: got lines of ${width} columns, expected an image and its label`);
  const uneven = rows.findIndex((row) => row.length !== width);
  if (uneven >= 0)
    throw new FileError(
      `${path}: got ${rows[uneven].length} columns for ${rows[uneven][0]}, expected ${width}`,
    );
  if (width > 2) {
    const byName = new Map(
      rows.map(([name, ...cells]) => [name, cells.map((cell) => numberIn(cell, path, name))]),
    );
    return { byName, labelNames: header?.slice(1) };
  }
  if (rows.every(([, cell]) => /^\d+$/.test(cell))) {
    return { byName: new Map(rows.map(([name, cell]) => [name, Number(cell)])) };
  }
  const labelNames = [...new Set(rows.map(([, cell]) => cell))].sort();
  return { byName: new Map(rows.map(([name, cell]) => [name, labelNames.indexOf(cell)])), labelNames };
}

const isNumber = (cell: string) => cell !== '' && Number.isFinite(Number(cell));

/** A header has no numbers where the next line has them, or is the usual word for the first column. */
function isHeader(first: readonly string[], second: readonly string[]): boolean {
  if (/^(image|file|filename|file_name|path|name|image_id)$/i.test(first[0])) return true;
  return first.slice(1).every((cell) => !isNumber(cell)) && second.slice(1).every(isNumber);
}

function numberIn(cell: string, path: string, name: string): number {
  if (isNumber(cell)) return Number(cell);
  throw new FileError(`${path}: got '${cell}' in the labels of ${name}, expected a number`);
}
