// Turns any source of pictures into a prepared data set: square PNG files and dataset.json, as a zip or folder.

/** State of a preparation, reported a few times per second and once at the end. */
export interface PrepareProgress {
  readonly done: number;
  readonly total: number;
  readonly skipped: number;
  readonly imagesPerSecond: number;
}
