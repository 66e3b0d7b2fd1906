/**
 * A message for a webhook of the project's own: JSON, described in docs/operate/alerts.md. Fields may be added but not
 * changed.
 */
import { hasNews } from '../alert-message.ts';
import type { AlertMessage } from '../alert-message.ts';
import { messageText } from './message-text.ts';
import type { ReceiverBody } from './receiver-body.ts';

/** @returns null: nothing is new */
export function webhookBody(message: AlertMessage): ReceiverBody | null {
  if (!hasNews(message)) return null;
  const { key, project, opened, noted, closed, still, verdicts } = message;
  const content = { version: 1, key, project, opened, noted, closed, still, verdicts };
  return {
    path: '',
    headers: { 'idempotency-key': key },
    body: JSON.stringify({ ...content, text: messageText(message) }),
  };
}
