// Letters of 5x7 pixels, so that sheets of pictures say what they show wherever they are made, without any font.

/** Seven rows from the top, each a base-32 digit of five pixels. */
const GLYPHS: Readonly<Record<string, string>> = {
  A: 'ehhvhhh',
  B: 'uhhuhhu',
  C: 'ehggghe',
  D: 'uhhhhhu',
  E: 'vgguggv',
  F: 'vgguggg',
  G: 'ehgnhhf',
  H: 'hhhvhhh',
  I: 'e44444e',
  J: '72222ic',
  K: 'hikokih',
  L: 'ggggggv',
  M: 'hrllhhh',
  N: 'hplljhh',
  O: 'ehhhhhe',
  P: 'uhhuggg',
  Q: 'ehhhlid',
  R: 'uhhukih',
  S: 'fgge11u',
  T: 'v444444',
  U: 'hhhhhhe',
  V: 'hhhhha4',
  W: 'hhhllrh',
  X: 'hha4ahh',
  Y: 'hha4444',
  Z: 'v1248gv',
  0: 'ehjlphe',
  1: '4c4444e',
  2: 'eh168gv',
  3: 'u11e11u',
  4: '26aiv22',
  5: 'vgu11he',
  6: '68guhhe',
  7: 'v124888',
  8: 'ehhehhe',
  9: 'ehhf12c',
  '-': '000e000',
  '.': '00000cc',
  ',': '0000c48',
  ':': '0cc0cc0',
  '(': '2488842',
  ')': '8422248',
};

/** Pixels from one letter to the next, and of its height, at scale 1. */
export const LETTER_ADVANCE = 6;
export const LETTER_HEIGHT = 7;

/**
 * Calls `square` with the left upper corner of each square of `scale` pixels that `text` blackens. Small letters are
 * drawn as capitals, characters that are not in the table as gaps.
 */
export function drawLetters(text: string, scale: number, square: (x: number, y: number) => void): void {
  [...text.toUpperCase()].forEach((letter, index) => {
    const rows = GLYPHS[letter] ?? '';
    for (let y = 0; y < rows.length; y++) {
      const bits = Number.parseInt(rows[y], 32);
      for (let x = 0; x < 5; x++) {
        if (bits & (16 >> x)) square((index * LETTER_ADVANCE + x) * scale, y * scale);
      }
    }
  });
}
