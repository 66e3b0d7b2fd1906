/** The verdict in words, for pages and terminals. */
import type { Verdict } from '../../contract/verdict.ts';

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  pass: 'Pass',
  alert: 'Alert',
  alarm: 'Alarm',
  'not-enough-data': 'Not enough data',
};

/** The sentence of a verdict without the verdict that it begins with, where that stands before it already. */
export function bareSentence(sentence: string, verdict: Verdict): string {
  const word = `${VERDICT_WORDS[verdict]}: `;
  if (!sentence.startsWith(word)) return sentence;
  const rest = sentence.slice(word.length);
  // A name that it begins with keeps its letters.
  return /^[a-z]+ /.test(rest) ? `${rest.charAt(0).toUpperCase()}${rest.slice(1)}` : rest;
}
