/**
 * A message for a Slack incoming webhook, within Slack's limits: 50 blocks, 150 characters in a header, 3,000 in a
 * text, which its documentation names, and about 13,000 in all, which users have met (slackapi/bolt-js#2509).
 *
 * Text of others cannot call anybody or draw anything: `&`, `<` and `>` are escaped as Slack asks, so that `<!channel>`
 * stays what it is, marks of emphasis are replaced by letters that look alike, and each text is one line.
 */
import { visibleText } from '../../../contract/std/visible-text.ts';
import { hasNews } from '../alert-message.ts';
import type { AlertGroup, AlertMessage } from '../alert-message.ts';
import { closedLine, groupTitle, titleOf, whoseText } from './message-text.ts';
import type { ReceiverBody } from './receiver-body.ts';

const HEADER_MOST = 150;
const TEXT_MOST = 3_000;
const ALL_MOST = 12_000;
const BLOCKS_MOST = 50;
/** Longest piece of text of others, before it is escaped, which can make it five times as long. */
const PIECE_MOST = 400;

interface SlackBlock {
  readonly type: 'header' | 'section';
  readonly text:
    | { readonly type: 'plain_text'; readonly text: string; readonly emoji: false }
    | { readonly type: 'mrkdwn'; readonly text: string; readonly verbatim: true };
}

/** @returns null: nothing is new */
export function slackBody(message: AlertMessage): ReceiverBody | null {
  if (!hasNews(message)) return null;
  const { opened, noted, closed, still } = message;
  const title = plainWithin(titleOf(message), HEADER_MOST);
  const texts = [
    ...opened.map((group) => groupText(group)),
    ...noted.map((group) => groupText(group, 'Only the settled verdict shows it.')),
    ...(closed.length === 0
      ? []
      : [
          listText(
            '*Closed*',
            closed.map((group) => plain(closedLine(group))),
          ),
        ]),
    ...(still.length === 0
      ? []
      : [
          listText(
            '*Still open*',
            still.map((group) => plain(groupTitle(group))),
          ),
        ]),
  ];
  const header: SlackBlock = { type: 'header', text: { type: 'plain_text', text: title, emoji: false } };
  const content = { text: title, blocks: [header, ...sectionsWithin(texts)] };
  return { path: '', headers: {}, body: JSON.stringify(content) };
}

function groupText(group: AlertGroup, note?: string): string {
  const whose = whoseText(group);
  const services = group.services.map(({ service, date, text, report }) => {
    const day = `${plain(service)}, ${date}`;
    return `${report === null ? day : `<${linkOf(report)}|${day}>`}: ${plain(text)}`;
  });
  const lines = [
    ...(whose === '' ? [] : [plain(whose)]),
    ...(group.command === null ? [] : [`\`${code(group.command)}\``]),
    ...(note === undefined ? [] : [note]),
  ];
  // The services are what may be many: the lines that say whose it is and what to do stay.
  return listText(`*${plain(groupTitle(group))}*`, services, lines);
}

/** As many of the items as fit into one text, and how many more there are. */
function listText(head: string, items: readonly string[], foot: readonly string[] = []): string {
  for (let shown = items.length; ; shown--) {
    const more = shown === items.length ? [] : [`and ${items.length - shown} more`];
    const text = [head, ...items.slice(0, shown), ...more, ...foot].join('\n');
    if (text.length <= TEXT_MOST || shown === 0) return text.slice(0, TEXT_MOST);
  }
}

function sectionsWithin(texts: readonly string[]): SlackBlock[] {
  const blocks: SlackBlock[] = [];
  const section = (text: string): SlackBlock => ({
    type: 'section',
    text: { type: 'mrkdwn', text, verbatim: true },
  });
  let room = ALL_MOST;
  for (const [i, text] of texts.entries()) {
    room -= text.length;
    // One block of the 50 is the header, one says how many more there are.
    if (room < 0 || blocks.length >= BLOCKS_MOST - 2) {
      const more = texts.length - i;
      blocks.push(section(`and ${more} more: \`plumb monitor run\` printed them all`));
      break;
    }
    blocks.push(section(text));
  }
  return blocks;
}

/** Text of others as it may stand among the marks of a text of Slack's. */
function plain(text: string): string {
  return unmarked(escaped(visibleText(cut(text.trim(), PIECE_MOST))));
}

/** Marks of emphasis become letters that look like them. */
function unmarked(text: string): string {
  return text
    .replaceAll('`', 'ˋ')
    .replaceAll('*', '∗')
    .replaceAll('~', '∼')
    .replaceAll(/(?<![\p{L}\p{N}_])_|_(?![\p{L}\p{N}_])/gu, 'ˍ');
}

/** Text between backticks, where nothing else is a mark. */
function code(text: string): string {
  return escaped(visibleText(cut(text, PIECE_MOST))).replaceAll('`', "'");
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** @returns as much of the text as is no longer than that once it is escaped; a notification shows marks, too */
function plainWithin(text: string, most: number): string {
  for (let length = most; ; length--) {
    const shown = unmarked(escaped(cut(text, length)));
    if (shown.length <= most) return shown;
  }
}

/** A URL within `<...|...>`: what would end it there is percent-encoded. */
function linkOf(url: string): string {
  return escaped(url).replaceAll('|', '%7C').replaceAll(/\s/g, '%20');
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
