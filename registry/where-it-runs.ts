/** Where the function of an on-demand view runs, and why, as `plumb plan` and `plumb show` say it. */
import type { OnDemandView } from '../contract/model.ts';

type Where = Pick<OnDemandView, 'id' | 'isolated' | 'costly' | 'code'>;

/** `runs isolated: it calls \`normalize\`, which is not on the list of cheap calls (basket.ts:3)` */
export function whereItRuns({ isolated, costly, code }: Where): string {
  const where = isolated ? 'runs isolated' : 'runs in the thread that answers';
  const why = costly === null ? where : `${where}${isolated ? ': it' : ', although it'} ${costly}`;
  return code.anew === null ? why : `${why}; its module runs anew for each call: ${code.anew}`;
}

/** A line for each view, after an empty one; '' where there is none. */
export function functionsText(views: Iterable<Where>): string {
  const lines = [...views].map((view) => `${view.id} ${whereItRuns(view)}`);
  return lines.length === 0 ? '' : `\n\n${lines.join('\n')}`;
}

export function functionToJson({ id, isolated, costly, code }: Where): object {
  return { view: id, isolated, costly, anew: code.anew };
}
