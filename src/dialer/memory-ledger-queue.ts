// Who is due next, of those who wait: a heap by due time and id. An entry that no longer holds is dropped when it comes up.
import { createHeap } from '../heap.ts';
import type { MemoryLead } from './memory-ledger-state.ts';

interface Entry {
  readonly at: number;
  readonly lead: MemoryLead;
  readonly mark: number;
}

/** The queue of a campaign. */
export interface DueQueue {
  put(lead: MemoryLead, dueAt: Date): void;
  /** When the first is due. */
  next(): Date | null;
  /** Takes out up to `count` of those who are due, in their order. */
  take(count: number, now: Date): MemoryLead[];
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.lead.id < b.lead.id);

/** An empty queue. */
export const createDueQueue = (): DueQueue => {
  const heap = createHeap(isBefore);
  const first = (): Entry | undefined => {
    for (let entry = heap.first(); entry !== undefined; entry = heap.first()) {
      if (entry.mark === entry.lead.mark) return entry;
      heap.drop();
    }
    return undefined;
  };
  return {
    put: (lead, dueAt) => heap.put({ at: dueAt.getTime(), lead, mark: lead.mark }),
    next: () => {
      const entry = first();
      return entry === undefined ? null : new Date(entry.at);
    },
    take: (count, now) => {
      const taken: MemoryLead[] = [];
      for (let entry = first(); entry !== undefined && taken.length < count && entry.at <= now.getTime(); entry = first()) {
        heap.drop();
        taken.push(entry.lead);
      }
      return taken;
    },
  };
};
