import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeText, html, withCode } from '../../../../project/page/markup.ts';

test('what is put into a template is text, unless it is markup', () => {
  expect(
    html`<p title="${'"><script>'}">${'a & <b>'}${html`<i>${1}</i>`}${[null, false, 'x']}</p>`.text,
  ).toBe('<p title="&quot;&gt;&lt;script&gt;">a &amp; &lt;b&gt;<i>1</i>x</p>');
});

test('no text of any kind leaves a character that could end its place', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const escaped = escapeText(text);
      expect(escaped).not.toMatch(/[<>"']/);
      expect(escaped.replaceAll(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
      expect(escaped.isWellFormed()).toBe(true);
    }),
  );
});

test('characters that are not seen, or that turn the reading direction, become visible', () => {
  expect(escapeText('a\u0000b\nc')).toBe('a␀b␊c');
  expect(escapeText('\u202egnp.exe')).toBe('\\u202egnp.exe');
  expect(escapeText('\ud800')).toBe('\ufffd');
  expect(escapeText('Größe 🙂')).toBe('Größe 🙂');
});

test('line breaks of a template are one space, or nothing between tags', () => {
  const markup = html` <ul>
    <li>one two</li>
    <li>three</li>
  </ul>`;
  expect(markup.text.trim()).toBe('<ul><li>one two</li><li>three</li></ul>');
});

test('backticks mark code', () => {
  expect(html`${withCode('run `plumb doctor` <now>')}`.text).toBe(
    'run <code>plumb doctor</code> &lt;now&gt;',
  );
});
