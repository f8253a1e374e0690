// Errors a user can act on. Each prints as one line: got X, expected Y, which file or flag, what to do.

/** Base of every error that is the user's to mend: printed as one line, without a stack. */
export class UserError extends Error {
  override name = 'UserError';
}

/** A command-line flag or an option of the public API has a value that cannot be used. */
export class OptionError extends UserError {
  override name = 'OptionError';
}

/** A file or folder is missing, cannot be read or written, or does not hold what it should. */
export class FileError extends UserError {
  override name = 'FileError';
}

/** The requested device or execution provider is not available here. */
export class DeviceError extends UserError {
  override name = 'DeviceError';
}

/** Training produced NaN or Inf. The message says which quantity and at which kimg. */
export class DivergenceError extends UserError {
  override name = 'DivergenceError';
}

/** Text out of a file, fit for an error: without control characters, cut after `most` characters. */
export function oneLine(text: string, most = 60): string {
  const plain = text.slice(0, most).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
  return text.length > most ? `${plain}…` : plain;
}
