import { cp, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { StoredZipWriter } from '../../src/core/zip.ts';
import { openDataset } from '../../src/data/open-dataset.node.ts';
import { prepareDataset } from '../../src/data/prepare.node.ts';
import { BLUE, FIXTURES, halves, pixel, RED, scratch } from './pictures.ts';

const at = scratch();

async function put(path: string, data: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data);
}

/** The fixtures' image i: (40 i + 16 y + x + 80 c) mod 256. */
const fixturePixel = (i: number, x: number, y: number) =>
  [0, 1, 2].map((c) => (40 * i + 16 * y + x + 80 * c) % 256);

describe('openDataset on prepared data', () => {
  it("reads the published tools' zip", async () => {
    const dataset = await openDataset(`${FIXTURES}published.zip`, { labels: true });
    expect(dataset).toMatchObject({ name: 'published', length: 4, channels: 3, resolution: 8, labelDim: 3 });
    for (const i of [0, 3]) expect(await pixel(dataset, i, 5, 2)).toEqual(fixturePixel(i, 5, 2));
    expect(await dataset.readImage(3)).toEqual(await dataset.readImage(3)); // decoded, then kept
    expect([0, 1, 2, 3].map((i) => [...dataset.label(i)])).toEqual([
      [0, 0, 1],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]);
    await expect(dataset.readImage(4)).rejects.toThrow('got image 4, expected 0 to 3');
    await dataset.close();
  });

  it('has no labels unless asked, and chooses by seed', async () => {
    const dataset = await openDataset(`${FIXTURES}published.zip`, { maxImages: 2 });
    expect(dataset).toMatchObject({ length: 2, labelDim: 0 });
    expect(dataset.label(0).length).toBe(0);
    await dataset.close();
  });

  it('prepares it again for another size or channels', async () => {
    const options = { labels: true, resolution: 4, channels: 1, cacheDir: at('cache-again') } as const;
    const dataset = await openDataset(`${FIXTURES}published.zip`, options);
    expect(dataset).toMatchObject({ length: 4, channels: 1, resolution: 4, labelDim: 3 });
    await dataset.close();
  });

  it('finds a missing or inconsistent label', async () => {
    const folder = at('half-labelled');
    await put(`${folder}/a.png`, await halves(8, 8).png().toBuffer());
    await put(`${folder}/b.png`, await halves(8, 8).png().toBuffer());
    const open = async (labels: unknown) => {
      await put(`${folder}/dataset.json`, JSON.stringify({ labels }));
      return openDataset(folder, { labels: true });
    };
    await expect(open([['a.png', 0]])).rejects.toThrow('has no label for 1 of 2 images (first: b.png)');
    await expect(
      open([
        ['a.png', 0],
        ['b.png', [1, 0]],
      ]),
    ).rejects.toThrow('labels of different kinds');
    const refused =
      /dataset\.json: labels\.0\.1: got .+, expected a class \(a whole number from 0\) or a vector of numbers$/;
    for (const label of [-1, 0.5, 'cat', [], ['cat'], [null]])
      await expect(open([['a.png', label]])).rejects.toThrow(refused);
    await expect(
      open([
        ['a.png', 0],
        ['b.png', 70_000],
      ]),
    ).rejects.toThrow('got 70001 classes, expected at most 65536');
    await put(`${folder}/dataset.json`, '{"labels": [["a.png", [NaN]]]}');
    await expect(openDataset(folder, { labels: true })).rejects.toThrow('dataset.json is not JSON');
    await put(`${folder}/dataset.json`, '{"labels": [["a.png", [1e999]]]}');
    await expect(openDataset(folder, { labels: true })).rejects.toThrow('dataset.json: labels.0.1');
    await expect(open('none')).rejects.toThrow('dataset.json: labels');
  });
});

describe('openDataset on plain data', () => {
  it('prepares pictures of any kind once, naming and skipping broken ones', async () => {
    const folder = at('plain');
    const cacheDir = at('cache-plain');
    await put(`${folder}/a/wide.jpg`, await halves(70, 40).jpeg({ quality: 100 }).toBuffer());
    await put(`${folder}/a/deep/gray.png`, await halves(33, 50).toColourspace('b-w').png().toBuffer());
    await put(
      `${folder}/b/clear.webp`,
      await sharp({ create: { width: 40, height: 40, channels: 4, background: '#0000' } })
        .webp()
        .toBuffer(),
    );
    await put(`${folder}/b/broken.png`, 'no picture');
    await put(`${folder}/b/readme.txt`, 'no picture either');
    await put(`${folder}/.hidden/x.png`, 'hidden');
    const skipped: string[] = [];
    let shown = 0;
    const options = {
      cacheDir,
      labels: true,
      onSkip: (name: string) => skipped.push(name),
      onProgress: () => shown++,
    };
    const dataset = await openDataset(folder, options);
    expect(dataset).toMatchObject({
      name: 'plain',
      length: 3,
      channels: 3,
      resolution: 32,
      labelDim: 2,
      labelNames: ['a', 'b'],
    });
    expect(skipped).toEqual(['b/broken.png']);
    expect(shown).toBe(4);
    expect(await pixel(dataset, 2, 9, 9)).toEqual([255, 255, 255]);
    expect((await pixel(dataset, 1, 2, 9))[0]).toBeGreaterThan(RED[0] - 20);
    await dataset.close();

    await (await openDataset(folder, options)).close();
    expect(shown).toBe(4); // found in the cache
    await utimes(`${folder}/a/wide.jpg`, 1, 1);
    await (await openDataset(folder, options)).close();
    expect(shown).toBe(8); // the source had changed
    expect((await readdir(cacheDir)).every((name) => name.endsWith('.zip'))).toBe(true);
  });

  it('takes folders of a zip as classes', async () => {
    const dataset = await openDataset(`${FIXTURES}deflated.zip`, { labels: true, cacheDir: at('cache-zip') });
    expect(dataset).toMatchObject({ length: 4, resolution: 8, labelNames: ['cat', 'dog'] });
    expect(await pixel(dataset, 1, 3, 3)).toEqual(fixturePixel(2, 3, 3)); // cat/0, cat/2, dog/1, dog/3
    expect([0, 1, 2, 3].map((i) => dataset.label(i)[1])).toEqual([0, 0, 1, 1]);
    await dataset.close();
  });

  it('draws faces', async () => {
    const dataset = await openDataset('faces', {
      resolution: 16,
      maxImages: 6,
      labels: true,
      cacheDir: at('cache-faces'),
    });
    expect(dataset).toMatchObject({ name: 'faces', length: 6, channels: 3, resolution: 16, labelDim: 6 });
    expect(dataset.labelNames).toContain('blonde');
    await dataset.close();
  });

  it('says in one line what is wrong with a source', async () => {
    await mkdir(at('empty'));
    await put(at('notes/readme.txt'), 'text');
    await put(at('broken/a.png'), 'text');
    await put(at('odd.bin'), 'nothing known');
    await put(at('unsorted/a.png'), await halves(9, 9).png().toBuffer());
    const cacheDir = at('cache-errors');
    await mkdir(cacheDir);
    const failing = (path: string, options = {}) =>
      expect(openDataset(path, { cacheDir, ...options })).rejects;
    await failing(at('nowhere')).toThrow(/cannot read .*nowhere: no such file or folder/);
    await failing(at('empty')).toThrow('holds no images');
    await failing(at('notes')).toThrow('got 1 other files (readme.txt), expected PNG');
    await failing(at('broken')).toThrow('none of its 1 pictures can be read');
    await failing(at('odd.bin')).toThrow('file of unknown kind');
    await failing(at('unsorted'), { labels: true }).toThrow('got a.png outside any class folder');
    await expect(readdir(cacheDir)).resolves.toEqual([]);
  });
});

describe('prepareDataset', () => {
  it("writes the published tools' layout, the same for every run, as zip and as folder", async () => {
    const options = { resolution: 16, maxImages: 5, seed: 3 };
    for (const dest of ['one.zip', 'two.zip', 'three']) await prepareDataset('faces', at(dest), options);
    expect(await readFile(at('one.zip'))).toEqual(await readFile(at('two.zip')));
    expect((await readdir(at('three'), { recursive: true })).sort()).toEqual([
      '00000',
      ...[0, 1, 2, 3, 4].map((i) => `00000/img0000000${i}.png`),
      'dataset.json',
    ]);
    const json = JSON.parse(await readFile(at('three/dataset.json'), 'utf8'));
    expect(json.labels[4]).toEqual(['00000/img00000004.png', json.attributes.hairColor.values[4]]);
    expect(Object.keys(json.attributes)).toEqual(
      expect.arrayContaining(['hairStyle', 'glasses', 'facialHair', 'skin', 'mouth', 'clothes']),
    );
    const [zip, folder] = [await openDataset(at('one.zip')), await openDataset(at('three'))];
    for (let i = 0; i < 5; i++) expect(await zip.readImage(i)).toEqual(await folder.readImage(i));
    await Promise.all([zip.close(), folder.close()]);
  });

  it('reads labels from files', async () => {
    const folder = at('to-label');
    for (const name of ['x/1.png', 'x/2.png', 'y/3.png'])
      await put(`${folder}/${name}`, await halves(8, 8).png().toBuffer());
    const cases: [file: string, text: string, first: unknown, names?: string[]][] = [
      ['names.csv', 'image,kind\nx/1.png,tree\nx/2.png,bush\ny/3.png,tree\n', 1, ['bush', 'tree']],
      ['numbers.tsv', '1.png\t4\n2.png\t0\n3.png\t1', 4],
      ['attributes.txt', 'file Bald Hat\n1.png -1  1\n2.png 1 -1\n3.png 1 1', [-1, 1], ['Bald', 'Hat']],
      ['object.json', '{"x/1.png": 2, "x/2.png": 0, "y/3.png": 1}', 2],
      ['published.json', '{"labels": [["x/1.png", [0.5]], ["x/2.png", [1]], ["y/3.png", [0]]]}', [0.5]],
    ];
    for (const [file, text, first, names] of cases) {
      await put(at(file), text);
      await prepareDataset(folder, at(`by-${file}`), { labels: at(file) });
      const json = JSON.parse(await readFile(at(`by-${file}/dataset.json`), 'utf8'));
      expect(json.labels[0]).toEqual(['00000/img00000000.png', first]);
      expect(json.labelNames).toEqual(names);
    }
    await put(at('short.csv'), '1.png,0\n2.png,1');
    const failing = (labels: string) =>
      expect(prepareDataset(folder, at('unlabelled.zip'), { labels })).rejects;
    await failing(at('short.csv')).toThrow('short.csv has no label for 1 of 3 images (first: y/3.png)');
    await failing(at('missing.csv')).toThrow('no such file');
    await put(at('words.csv'), '1.png,a,b\n2.png,1,2\n3.png,1,2');
    await failing(at('words.csv')).toThrow('has no label for 1 of 3'); // its first line reads as a header
    await put(at('nan.csv'), '1.png,0,1\n2.png,NaN,2\n3.png,1,2');
    await failing(at('nan.csv')).toThrow("got 'NaN' in the labels of 2.png, expected a number");
    await put(at('mixed.json'), '{"1.png": 0, "2.png": [1, 0], "3.png": [0, 1]}');
    await failing(at('mixed.json')).toThrow(
      'got labels of different kinds (classes, vectors of 2), expected one kind',
    );
  });

  it('refuses to overwrite, and sizes that do not fit', async () => {
    await put(at('there.zip'), 'precious');
    await expect(prepareDataset('faces', at('there.zip'))).rejects.toThrow('there.zip exists already');
    expect(await readFile(at('there.zip'), 'utf8')).toBe('precious');
    const failing = (options: object) => expect(prepareDataset('faces', at('unfit.zip'), options)).rejects;
    await failing({ resolution: 48 }).toThrow('power of two');
    await failing({ resolution: [64, 48] }).toThrow('--transform center-crop-wide');
    await failing({ resolution: 64, transform: 'center-crop-wide' }).toThrow('W larger than H');
    await failing({ resolution: [64, 48], transform: 'center-crop-tall' }).toThrow('H larger than W');
    await failing({ labels: 'shoes' }).toThrow('expected one of hairStyle');
  });

  it('leaves nothing when stopped', async () => {
    await mkdir(at('stopped'));
    for (const dest of ['stopped/a.zip', 'stopped/folder']) {
      const controller = new AbortController();
      const onProgress = ({ done }: { done: number }) => done === 3 && controller.abort(new Error('enough'));
      const preparing = prepareDataset('faces', at(dest), {
        resolution: 8,
        signal: controller.signal,
        onProgress,
      });
      await expect(preparing).rejects.toThrow('enough');
    }
    expect(await readdir(at('stopped'))).toEqual([]);
  });

  it('reads nothing through names that leave the archive', async () => {
    const chunks: Uint8Array[] = [];
    const zip = new StoredZipWriter(async (bytes) => {
      chunks.push(bytes);
    });
    const png = await halves(8, 8).png().toBuffer();
    for (const name of ['../up.png', '/etc/root.png', 'a/../../up.png', 'C:\\up.png', 'in.png'])
      await zip.add(name, png);
    await zip.finish();
    await put(at('hostile.zip'), Buffer.concat(chunks));
    const dataset = await openDataset(at('hostile.zip'));
    expect(dataset.length).toBe(1);
    await dataset.close();
  });

  it('prefers a median size, and gray where all is gray', async () => {
    const folder = at('sizes');
    for (const [i, side] of [20, 70, 80, 90, 500].entries()) {
      await put(
        `${folder}/${i}.png`,
        await halves(side, side + 5, [9, 9, 9], [99, 99, 99])
          .toColourspace('b-w')
          .png()
          .toBuffer(),
      );
    }
    const report = await prepareDataset(folder, at('sizes.zip'));
    expect(report).toEqual({ images: 5, skipped: 0, resolution: 64, channels: 1, labelled: false });
    const few = await prepareDataset(folder, at('few.zip'), { maxImages: 2, resolution: 16 });
    expect(few.images).toBe(2);
    await rm(folder, { recursive: true });
    await cp(at('few.zip'), at('moved.zip')); // stands alone, without its source
    const moved = await openDataset(at('moved.zip'));
    expect(moved).toMatchObject({ length: 2, channels: 1, resolution: 16 });
    await moved.close();
  });

  it('keeps colours in their places', async () => {
    await put(at('one/a.png'), await halves(64, 64).png().toBuffer());
    await prepareDataset(at('one'), at('one-64.zip'));
    const dataset = await openDataset(at('one-64.zip'));
    expect(await pixel(dataset, 0, 0, 63)).toEqual([...RED]);
    expect(await pixel(dataset, 0, 63, 0)).toEqual([...BLUE]);
    await dataset.close();
  });
});
