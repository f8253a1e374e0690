// What training, metrics and the studio know of a data set: square uint8 images and their labels.

/**
 * A prepared data set. Images are square, uint8, channels first; labels are float32 vectors.
 * Opened by `openDataset`; any object with these members can be trained on.
 */
export interface Dataset {
  /** Short name for logs and file names, e.g. `faces-32`. */
  readonly name: string;
  /** Where it was opened. */
  readonly path: string;
  /** Number of images. */
  readonly length: number;
  /** 1 gray, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 3 | 4;
  /** Side of the square, in pixels. */
  readonly resolution: number;
  /** 0 without labels; the number of classes for integer labels; the vector's length for float labels. */
  readonly labelDim: number;
  /** One name for each of the labelDim entries, where they are known. */
  readonly labelNames?: readonly string[];

  /**
   * Pixels of one image: uint8 [channels, resolution, resolution].
   * @throws FileError when the stored image is broken or of another size; RangeError outside 0 … length-1.
   */
  readImage(index: number): Promise<Uint8Array>;

  /** Label of one image, float32 [labelDim]: one-hot for integer labels, empty when labelDim is 0. */
  label(index: number): Float32Array;

  /** Frees files and memory. The data set cannot be read afterwards. */
  close(): Promise<void>;
}
