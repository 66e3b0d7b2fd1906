/** The registry's table of errors, and those that every program shares. Documented in docs/errors.md. */
import { errorsOf } from './std/coded-error.ts';
import type { ErrorEntry } from './std/coded-error.ts';

export const REGISTRY_ERRORS = {
  REG_SETTINGS: {
    message: 'plumbline.yaml is missing or holds a setting that does not fit.',
    help: 'Fix the named setting, or run `plumb init` in an empty folder for a project that works.',
    kind: 'usage',
  },
  REG_USAGE: {
    message: 'The command line names a command, option or argument that does not exist, or lacks one.',
    help: 'Run `plumb --help` for all commands, `plumb COMMAND --help` for one.',
    kind: 'usage',
  },
  REG_NODE: {
    message: 'Plumbline runs on one major of Node, and this is another, or too early a version of it.',
    help: 'Install Node 22; where another must stay, `npx -p node@22 plumb ...` runs this one command on it.',
    kind: 'usage',
  },
  REG_FOLDER: {
    message: 'A new project needs a folder of its own, and the one that was named holds something else.',
    help: 'Name a folder that does not exist yet.',
    kind: 'usage',
  },
  REG_DEFINITIONS: {
    message: 'The definitions have mistakes; all of them are listed.',
    help: 'Fix each at its file and line, then run `plumb plan` again.',
    kind: 'usage',
  },
  REG_VARIABLE: {
    message: 'A source lies at a path with a variable that this environment does not have.',
    help: 'Set it as vars: { name: value } in plumbline.yaml, or in the environment as PLUMB_VARS_NAME.',
    kind: 'usage',
  },
  REG_REFUSED: {
    message: 'The change would break a model that consumes what it changes.',
    help:
      'Make a new version of the view (version: 2) and let the services move over one by one, or take the change ' +
      'knowingly: `plumb apply --allow NAME --reason TEXT` with the names that `plumb plan` prints.',
    kind: 'check-failed',
  },
  REG_ALLOW: {
    message: '`apply --allow` names something that is not refused; nothing was applied.',
    help: 'Run `plumb plan` for the names of what is refused.',
    kind: 'usage',
  },
  REG_PLAN: {
    message:
      'A plan in a file cannot be applied: it is none, or what it was compared with is not in force any more.',
    help: 'Run `plumb plan --out FILE` again, read it, and apply that.',
    kind: 'failed',
  },
  REG_NOT_APPLIED: {
    message: 'Nothing is applied yet.',
    help: 'Run `plumb apply` first. Where registry is the URL of a server, set bundles.from to URL/bundles: bundles come from there.',
    kind: 'usage',
  },
  REG_UNKNOWN: {
    message: 'A view, service, entity or feature of that name does not exist.',
    help: 'Run `plumb show` for the names there are.',
    kind: 'usage',
  },
  REG_ENGINE: {
    message:
      'On-demand functions were applied on another V8 or processor, on which they may give other bits.',
    help: 'Run it on that Node, or apply again with this one; --other-engine takes what this one gives.',
    kind: 'check-failed',
  },
  REG_BUNDLE: {
    message:
      'The bundle cannot be read, has not the hash it is named by, or holds what no definition can say.',
    help: 'Run `plumb apply` again; it publishes the bundle anew.',
    kind: 'failed',
  },
  REG_LOGIN: {
    message: 'Access is on, and no token was given, or one that is not taken.',
    help: 'Set PLUMB_TOKEN to a token; an admin makes one with `plumb token create`. Where people log in: `plumb login`.',
    kind: 'usage',
  },
  REG_ISSUER: {
    message:
      'The identity provider that people log in at cannot be reached, or does not do what was asked of it.',
    help: 'Look at access.oidc, and whether the provider is up, then try again.',
    kind: 'failed',
  },
  REG_REMOTE: {
    message: 'The registry behind a URL cannot be reached, or does not answer as `plumb ui` does.',
    help: 'Look at the URL of registry, and whether `plumb ui` of this version runs there.',
    kind: 'failed',
  },
  REG_ROLE: {
    message: 'Whoever asks may not do this.',
    help: 'Ask an admin of the registry for a token with that role.',
    kind: 'usage',
  },
  REG_TEAM: {
    message: 'The apply changes definitions of a team that the token is not for.',
    help: 'Have that team, or an admin, apply them: leave them as they are in force, or hand on `plumb plan --out FILE`.',
    kind: 'check-failed',
  },
  REG_TOKEN: {
    message: 'A token cannot be made or revoked as it was asked for.',
    help: 'Run `plumb token list` for those there are.',
    kind: 'usage',
  },
  REG_KEY: {
    message: 'The key that signs bundles cannot be used.',
    help: 'Make one with `plumb bundle key FILE`, which prints the public half for bundles.keys.',
    kind: 'usage',
  },
  REG_PUBLISH: {
    message: 'The apply is recorded and in the folder of bundles, and could not be published everywhere.',
    help: 'Run `plumb apply` again once the named place can be written to; it publishes what is in force.',
    kind: 'failed',
  },
  REG_ROLLOUT: {
    message:
      'A roll-out by a share of the pods is under way, or there is none, or these changes cannot have one.',
    help: 'End one with `plumb apply --promote` or `plumb apply --rollback`.',
    kind: 'usage',
  },
  REG_SOURCE: {
    message: 'A source cannot be read, or lacks a column, or a column has a type that does not fit.',
    help: 'Compare the source with its definition; `plumb plan` names file and line of the definition.',
    kind: 'failed',
  },
  REG_EXTENSION: {
    message: 'A source is read by an extension of DuckDB that is not there, or is of another version.',
    help: 'Put the file that is named into its folder, or name another folder by duckdb.extensions.',
    kind: 'usage',
  },
  REG_STORE: {
    message: 'The registry database, a folder or a file of the project cannot be opened, read or written.',
    help: 'Check the path and its permissions.',
    kind: 'failed',
  },
  REG_FEAST: {
    message: 'A Feast repository cannot be read: Feast itself could not load it, or the file is no registry.',
    help: 'Give the folder with feature_store.yaml, and a Python that has Feast; or the registry file of `feast apply`.',
    kind: 'failed',
  },
  REG_PYTHON: {
    message:
      'A Feast repository is read by a Python that has Feast, and the one that was named is not there or lacks it.',
    help: 'Name a Python that has Feast: --python VENV/bin/python; or give the registry file that `feast apply` wrote.',
    kind: 'usage',
  },
  REG_MEMORY: {
    message: 'What was asked for does not fit the memory that DuckDB may have, nor on the disk beside it.',
    help: 'Raise `materialize.memory`, `train.memory` or `monitor.memory`, make room on the disk, or ask for less at once.',
    kind: 'failed',
  },
  REG_DEFECT: {
    message: 'A defect of plumb itself.',
    help: 'Please open an issue in the repository that plumb came from, with the lines above and `plumb --version`.',
    kind: 'failed',
  },
} as const satisfies Record<string, ErrorEntry>;

export const registryError = errorsOf(REGISTRY_ERRORS);
