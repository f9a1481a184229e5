import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readArchive, readWorkbook } from '../../test/support/read-workbook.ts';
import { columnLetters, escapeText, fitsSheet, sheetRow } from './sheet-xml.ts';
import { writeXlsx } from './xlsx.writer.ts';

const AT = new Date('2026-03-01T10:00:00Z');
const options = { numeric: [true, false], at: AT };

const batches = async function* (count: number, seen: () => void = () => {}) {
  for (let n = 0; n < count; n += 1) {
    seen();
    // Random, so that it cannot be packed.
    yield Array.from({ length: 100 }, () => ['1', Array.from({ length: 40 }, () => Math.random().toString(36)).join('')]);
  }
};

describe('a workbook', () => {
  test('is whole, however its rows come', async () => {
    const file = await buffer(writeXlsx(['id', 'note'], batches(20), options));
    const rows = await readWorkbook(file);
    expect([rows.length, rows[0], rows[2000]?.[0]]).toEqual([2001, ['id', 'note'], '1']);
    expect([...(await readArchive(file)).keys()].sort()).toEqual([
      '[Content_Types].xml',
      '_rels/.rels',
      'xl/_rels/workbook.xml.rels',
      'xl/styles.xml',
      'xl/workbook.xml',
      'xl/worksheets/sheet1.xml',
    ]);
  });

  test('asks for no more rows than somebody reads, and for none once nobody does', async () => {
    let asked = 0;
    const file = writeXlsx(
      ['id', 'note'],
      batches(1000, () => asked++),
      options,
    );
    const reader = file[Symbol.asyncIterator]();
    await reader.next();
    await sleep(100);
    expect(asked).toBeLessThan(30);
    file.destroy();
    await sleep(50);
    const before = asked;
    await sleep(100);
    expect(asked).toBe(before);
  });

  test('fails where its rows fail', async () => {
    const failing = async function* () {
      yield* batches(3);
      throw new Error('The database is gone.');
    };
    await expect(buffer(writeXlsx(['id', 'note'], failing(), options))).rejects.toThrow('The database is gone.');
  });
});

describe('the sheet', () => {
  test.each([
    [0, 'A'],
    [25, 'Z'],
    [26, 'AA'],
    [51, 'AZ'],
    [52, 'BA'],
    [701, 'ZZ'],
    [702, 'AAA'],
  ])('column %i is %s', (index, letters) => {
    expect(columnLetters(index)).toBe(letters);
  });

  test.each([
    ['a & b < c > d', 'a &amp; b &lt; c &gt; d'],
    ['one\r\ntwo\t\v', 'one_x000D_\ntwo\t_x000B_'],
    ['_x0041_ and _x41_ and _xZZZZ_', '_x005F_x0041_ and _x41_ and _xZZZZ_'],
    ['_x0041_x0042_', '_x005F_x0041_x005F_x0042_'],
    ['\ufffe\uffff\u0000', '_xFFFE__xFFFF__x0000_'],
    ['😀', '😀'],
  ])('%j is written %s', (text, xml) => {
    expect(escapeText(text)).toBe(xml);
  });

  test('has room for a header and 1,048,575 rows', () => {
    expect([1_048_575, 1_048_576].map(fitsSheet)).toEqual([true, false]);
  });

  test('a row leaves empty cells out', () => {
    expect(sheetRow(7, ['5', '', ' x'], ['A', 'B', 'C'], [true])).toBe(
      '<row r="7"><c r="A7"><v>5</v></c><c r="C7" s="1" t="inlineStr"><is><t xml:space="preserve"> x</t></is></c></row>',
    );
  });
});
