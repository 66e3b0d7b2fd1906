/** The names of the templates, apart from what makes them: the table of commands loads these alone. */
export const TEMPLATE_NAMES = ['quickstart', 'typescript', 'stream', 'on-demand'] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];
