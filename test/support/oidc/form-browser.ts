/** A browser that knows cookies, redirects and forms and nothing else: logs in where a real one would be too slow. */

interface FormPage {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

const MOST_STEPS = 20;

export class FormBrowser {
  /** By host and name. */
  readonly cookies = new Map<string, string>();

  /** Follows redirects to the page behind them. */
  async open(url: string, init: RequestInit = {}): Promise<FormPage> {
    let at = url;
    let next: RequestInit = init;
    for (let step = 0; step < MOST_STEPS; step++) {
      const { host } = new URL(at);
      const sent = [...this.cookies].flatMap(([key, value]) => {
        const [of, name] = key.split(' ');
        return of === host ? [`${name}=${value}`] : [];
      });
      const headers = {
        accept: 'text/html',
        ...next.headers,
        ...(sent.length === 0 ? {} : { cookie: sent.join('; ') }),
      };
      const answer = await fetch(at, { ...next, headers, redirect: 'manual' });
      for (const line of answer.headers.getSetCookie()) this.#keep(host, line);
      const to = answer.headers.get('location');
      const text = await answer.text();
      if (to === null) return { url: at, status: answer.status, text };
      at = new URL(to, at).href;
      next = {};
    }
    throw new Error(`more than ${MOST_STEPS} redirects from ${url}`);
  }

  /** Sends the first form of a page with its hidden fields and these. */
  async submit(page: FormPage, fields: Readonly<Record<string, string>> = {}): Promise<FormPage> {
    const form = /<form[^>]*>[^]*?<\/form>/.exec(page.text)?.[0];
    if (form === undefined) throw new Error(`${page.url} has no form: ${page.text.slice(0, 500)}`);
    const attribute = (tag: string, name: string): string | undefined =>
      new RegExp(`${name}="([^"]*)"`).exec(tag)?.[1]?.replaceAll('&amp;', '&');
    const open = /<form[^>]*>/.exec(form)![0];
    const own = [...form.matchAll(/<input[^>]*>/g)].flatMap(([tag]): [string, string][] => {
      const name = attribute(tag, 'name');
      return name === undefined || !/type="hidden"/.test(tag) ? [] : [[name, attribute(tag, 'value') ?? '']];
    });
    const body = new URLSearchParams([...own, ...Object.entries(fields)]);
    return this.open(new URL(attribute(open, 'action') ?? page.url, page.url).href, { method: 'POST', body });
  }

  /** Logs in at the provider from the page that it shows first, and agrees to what it asks. */
  async logIn(from: FormPage, login: string): Promise<FormPage> {
    let page = from;
    const { host } = new URL(from.url);
    for (let step = 0; step < MOST_STEPS && /<form/.test(page.text); step++) {
      if (new URL(page.url).host !== host) break;
      const fields: Record<string, string> = /name="login"/.test(page.text) ? { login, password: 'any' } : {};
      page = await this.submit(page, fields);
    }
    return page;
  }

  #keep(host: string, line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const isGone = /expires=Thu, 01 Jan 1970|max-age=0/i.test(line);
    if (isGone) this.cookies.delete(`${host} ${name}`);
    else this.cookies.set(`${host} ${name}`, value);
  }
}
