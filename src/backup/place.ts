// Where a database is, in a form that may be shown and kept.                                                               [pure]

/** A database's URL without its password and its options, which may hold one. It may name several hosts. */
export const placeOf = (url: string): string => {
  const [, scheme = 'postgres://', user = '', rest = ''] = /^(postgres(?:ql)?:\/\/)(?:([^:@/?]*)(?::[^@/]*)?@)?([^?@]*)/.exec(url) ?? [];
  return `${scheme}${user === '' ? '' : `${user}@`}${rest}`;
};
