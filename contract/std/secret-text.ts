/** Passwords are nobody's business: this hides them in what is printed, of URLs that are right and of mistyped ones. */

const SECRET_QUERY = /([?&][^=&\s]*(?:pass|secret|token|auth|key)[^=&\s]*=)[^&\s]*/gi;

/**
 * @returns  the text with whatever may be a password as ***: what stands before the last @ of a URL, past the user's
 *           name (all of it where there is no colon, since then it may be the password), and of a query what its name
 *           says. A text without an @ behind a colon and without such a query is given back as it is
 */
export function withoutPassword(text: string): string {
  const shown = text.replace(SECRET_QUERY, '$1***');
  const at = shown.lastIndexOf('@');
  if (at === -1) return shown;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(shown)?.[0] ?? '';
  const login = shown.slice(scheme.length, at);
  const rest = shown.slice(at);
  if (scheme === '') return login.includes(':') ? `***${rest}` : shown;
  const colon = login.indexOf(':');
  return `${scheme}${colon === -1 ? '' : login.slice(0, colon + 1)}***${rest}`;
}
