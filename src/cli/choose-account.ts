// Whose data a command means, where it opens the database itself.
import type { Account } from '../accounts/account.ts';
import { findAccount, listAccounts } from '../accounts/accounts.store.ts';
import type { Db } from '../db/schema.ts';
import { CommandError } from './output.ts';

/** What is said of an account id that is nobody's. */
export const noSuchAccount = (id: number): CommandError => new CommandError(`There is no account ${id}: see outdial account list.`);

/**
 * The account of that id; without an id the only one there is.
 * @throws CommandError when there is none, or when there are several to choose from.
 */
export const chooseAccount = async (db: Db, id: number | undefined): Promise<Account> => {
  if (id !== undefined) {
    const account = await findAccount(db, id);
    if (account === undefined) throw noSuchAccount(id);
    return account;
  }
  const [only, ...others] = await listAccounts(db);
  if (only === undefined) throw new CommandError('There is no account yet: make one with outdial account create.');
  if (others.length > 0) throw new CommandError('There are several accounts: choose one with --account ID.');
  return only;
};
