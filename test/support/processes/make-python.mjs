// Makes the Python environment of the tests with other ecosystems' clients ahead of them, for `.ci/run`. What goes
// wrong is told by the first test that needs it.
import { pythonEnvironment } from './python-environment.ts';

await pythonEnvironment().catch(() => {});
