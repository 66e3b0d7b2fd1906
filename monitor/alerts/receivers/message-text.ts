/** A message as plain lines, for receivers that show text. Names and sentences of others are made visible, one line. */
import { visibleText } from '../../../contract/std/visible-text.ts';
import { newsText } from '../alert-message.ts';
import type { AlertGroup, AlertMessage, ClosedGroup } from '../alert-message.ts';

/** @returns such as `Plumbline retail: 1 alert opened` */
export function titleOf(message: AlertMessage): string {
  return visibleText(`Plumbline ${message.project}: ${newsText(message)}`);
}

/** @returns such as `stores: materialization lag, since 2026-11-20` */
export function groupTitle({ view, cause, since }: AlertGroup | ClosedGroup): string {
  return visibleText(`${view === '' ? '' : `${view}: `}${cause}, since ${since}`);
}

/** @returns who has to do with it, such as `owner ml-platform; model basket-value`; empty: nobody is named */
export function whoseText({ owners, models }: AlertGroup): string {
  const named = (what: string, names: readonly string[]): string =>
    names.length === 0 ? '' : `${what}${names.length === 1 ? '' : 's'} ${names.join(', ')}`;
  return visibleText(
    [named('owner', owners), named('model', models)].filter((text) => text !== '').join('; '),
  );
}

export function messageText(message: AlertMessage): string {
  const { opened, noted, closed, still } = message;
  return [
    titleOf(message),
    ...opened.flatMap((group) => ['', ...groupLines(group)]),
    ...noted.flatMap((group) => ['', 'Only the settled verdict shows it:', ...groupLines(group)]),
    ...(closed.length === 0 ? [] : ['', 'Closed:', ...closed.map(closedLine)]),
    ...(still.length === 0 ? [] : ['', 'Still open:', ...still.map((group) => `  ${groupTitle(group)}`)]),
  ].join('\n');
}

export function closedLine(group: ClosedGroup): string {
  return visibleText(`  ${groupTitle(group)} (${group.services.join(', ')})`);
}

function groupLines(group: AlertGroup): string[] {
  const whose = whoseText(group);
  return [
    groupTitle(group),
    ...group.services.flatMap(({ service, date, text, report }) => [
      visibleText(`  ${service}, ${date}: ${text}`),
      ...(report === null ? [] : [`  ${report}`]),
    ]),
    ...(whose === '' ? [] : [`  ${whose}`]),
    ...(group.command === null ? [] : [visibleText(`  ${group.command}`)]),
  ];
}
