// The parts of `npm run few` that compute and draw: measures of overfitting, charts, tables, the second style.

import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { chartSvg, niceAbove } from '../../scripts/few-pictures/chart.ts';
import { personaSvg } from '../../scripts/few-pictures/data.ts';
import { halved, overfitting, shareNearerTo } from '../../scripts/few-pictures/measures.ts';
import { distancePanel, numbersTable, progressTable } from '../../scripts/few-pictures/page.ts';
import type { FewResult } from '../../scripts/few-pictures/results.ts';
import { ADA, BASE, DCGAN_ADA, DCGAN_NOAUG, NOAUG, RUNS, TRANSFER } from '../../scripts/few-pictures/runs.ts';

test('r_v is 0 when D rates unseen pictures as known ones, 1 when as generated ones', () => {
  expect(overfitting(2, 2, -3)).toBe(0);
  expect(overfitting(2, -3, -3)).toBe(1);
  expect(overfitting(2, 1, -2)).toBe(0.25);
});

test('halving takes the mean of four pixels, plane by plane', () => {
  const planes = [1, 3, 0, 0, 5, 7, 0, 4, 0, 0, 1, 1, 0, 0, 1, 1, ...new Array(16).fill(2)];
  expect([...halved(Float32Array.from(planes), 4)]).toEqual([4, 1, 0, 1, 2, 2, 2, 2]);
});

describe('the share of images nearer to known ones', () => {
  const vectors = (...values: number[]) => ({ data: Float32Array.from(values), width: 2 });
  const known = vectors(0, 0, 10, 10);
  const unseen = vectors(0, 4, 20, 20);

  test('counts each image once', () => {
    expect(shareNearerTo(known, unseen, vectors(0, 1, 9, 9, 0, 5, 30, 30))).toBe(0.5);
    expect(shareNearerTo(known, unseen, known)).toBe(1);
    expect(shareNearerTo(known, unseen, unseen)).toBe(0);
  });
  test('is a half for one that is as far from both', () => {
    expect(shareNearerTo(known, unseen, vectors(0, 2))).toBe(0.5);
  });
});

describe('charts', () => {
  test.each([
    [0.7, 0.8],
    [1, 1],
    [41, 60],
    [199, 200],
    [810, 1000],
    [0, 1],
  ])('the axis of %f ends at %f', (value, end) => expect(niceAbove(value)).toBeCloseTo(end));

  test('name curves above the plot and levels where they begin', () => {
    const points = [[0, 5] as const, [10, 5] as const];
    const line = (label: string, dashed: boolean) => ({ label, color: '#123456', points, dashed });
    const svg = chartSvg([
      { title: 'A', lines: [line('level', true), line('curve', false)], range: [0, 10] },
    ]);
    expect(svg).toContain('<text x="40" y="36" text-anchor="start" fill="#123456">curve');
    expect(svg).toContain('<text x="44" y="140" text-anchor="start" fill="#123456">level'); // half way, and 12 below
  });
  test('are pictures, two panels in a row', async () => {
    const line = { label: 'A & B', color: '#123456', points: [[0, 0] as const, [10, 5] as const] };
    const panel = { title: 'p < 1', lines: [line] };
    const svg = chartSvg([panel, panel, panel]);
    expect(svg).toContain('A &amp; B');
    expect(svg).toContain('d="M40 210L406 73.3"'); // up to 5 of 6, between the rooms of 46 above and 30 below
    const { width, height } = await sharp(Buffer.from(svg)).metadata();
    expect([width, height]).toEqual([840, 480]);
  });
});

describe('tables', () => {
  const result = (run: FewResult['run'], swd: number[]): FewResult => ({
    run,
    snapshots: swd.map((value, i) => ({ kimg: 10 * (i + 1), swd: value, repeated: 0.5, overfitting: 0.25 })),
    ticks: [0.2, 0.4, 0.6, 0.7, 0.9].map((real, i) => ({ kimg: 4 * (i + 1), real, fake: -0.5, p: 0.1 * i })),
  });
  const quality = { swd: 20, repeated: 1 };
  const comparison = {
    results: [result(NOAUG, [60, 40, 50]), result(ADA, [60, 30, 25])],
    limits: { training: quality, unseen: { swd: 10, repeated: 0.49 } },
  };

  test('name the best and the last distance, and means over the second half', () => {
    const rows = numbersTable(comparison).split('\n');
    expect(rows[2]).toBe(
      '| No augmentation, 200 kimg | 40.0 (20) | 50.0 | 45.0 | 50 % | 0.25 | 0.73 | -0.50 | 0.30 |',
    );
    expect(rows.at(-1)).toContain('10.0 | 49 %');
  });
  test('list the distance of every snapshot', () => {
    expect(progressTable(comparison).split('\n').at(-1)).toBe(
      '| Adaptive augmentation | 60.0 | 30.0 | 25.0 |',
    );
  });
  test('list every second distance where there are many', () => {
    const many = {
      ...comparison,
      results: [
        result(
          NOAUG,
          Array.from({ length: 12 }, (_, i) => i),
        ),
      ],
    };
    expect(progressTable(many).split('\n')).toEqual([
      '| SWD at kimg | 20 | 40 | 60 | 80 | 100 | 120 |',
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
      '| No augmentation | 1.0 | 3.0 | 5.0 | 7.0 | 9.0 | 11.0 |',
    ]);
  });
  test('the chart shows both runs and what the training set reaches', () => {
    const { lines } = distancePanel(comparison);
    expect(lines.map(({ label }) => label)).toEqual([NOAUG.title, ADA.title, 'the training set']);
    expect(lines[2].points.at(-1)).toEqual([NOAUG.kimg, 20]);
  });
});

test('the second style is drawn from its seed', () => {
  expect(personaSvg(0, 3)).toBe(personaSvg(0, 3));
  expect(personaSvg(0, 3)).not.toBe(personaSvg(1, 3));
  expect(personaSvg(0, 3)).toContain('Draftbit');
});

describe('runs', () => {
  test.each([
    [NOAUG, ADA],
    [DCGAN_NOAUG, DCGAN_ADA],
  ])('that are compared differ in nothing but the augmentation', (plain, augmented) => {
    const { aug, adaKimg, target, ...rest } = augmented.request;
    expect({ aug, ...rest, data: augmented.data, kimg: augmented.kimg }).toEqual({
      ...plain.request,
      aug: 'ada',
      data: plain.data,
      kimg: plain.kimg,
    });
    expect(adaKimg).toBeGreaterThan(0);
    expect(target).toBe(0.6);
  });
  test('come after what they need', () => expect(RUNS.indexOf(BASE)).toBeLessThan(RUNS.indexOf(TRANSFER)));
});
