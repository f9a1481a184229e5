// Runs in every test file before it. The files of a worker share all other modules, and with them what those hold.
import { beginNumbersAnew } from './build.ts';
import { closeAfterTests } from './closing.ts';

closeAfterTests();
beginNumbersAnew();
