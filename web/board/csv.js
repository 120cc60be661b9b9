/** What a tile shows, as a file of comma-separated values (RFC 4180). */

/** @typedef {import('../stream/series.js').Point} Point */

/** What a spreadsheet may compute: quotes and blanks before it are dropped, wide forms are known. */
const FORMULA = /^[\s"'\p{Cc}\p{Cf}]*[=+\-@＝＋－＠−]|^[\t\r\n]/u;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

const HEAD = 'kpi,period,bucket,end,value,points,min,max,corrected';

/**
 * @param {string} code
 * @param {string} period
 * @param {Point[]} points
 */
export function toCsv(code, period, points) {
  const rows = points.map((point) => {
    const numbers = [point.value, point.points, point.min, point.max].map((each) => each ?? '');
    const times = [point.start, point.end].map((at) => new Date(at).toISOString());
    return [code, period, ...times, ...numbers, point.corrected].map(cell).join(',');
  });
  return `${[HEAD, ...rows].join('\r\n')}\r\n`;
}

/**
 * One cell, quoted where it has to be. A text that a spreadsheet would compute gets an apostrophe
 * before it, which spreadsheets take for "this is a text"; numbers stay as they are.
 *
 * @param {string | number | boolean} value
 */
export function cell(value) {
  const text = String(value);
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Offer a text to be saved. @param {string} name @param {string} type @param {string} text */
export const save = (name, type, text) => saveBlob(name, new Blob([text], { type }));

/** Offer a file to be saved. @param {string} name @param {Blob} blob */
export function saveBlob(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
