import { it } from 'vitest';
import { checkHistories } from './git-history.ts';

it('any history is read the same from files, with no git at all, and by git', () => checkHistories(5), 60_000);
