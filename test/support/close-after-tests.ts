// Runs in every test file. The files of a worker share all other modules, so what is open is kept in one of those.
import { closeAfterTests } from './closing.ts';

closeAfterTests();
