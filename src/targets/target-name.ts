/** Characters of a target name that repositories take, exclusive. */
const MAX_NAME = 254;

/** Why a target cannot have a name, in words that follow "the name"; undefined where it can. */
export function findNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length >= MAX_NAME) return `has ${MAX_NAME} characters or more`;
  if (name.includes('..')) return 'has ..';
  return /^[ -~]*$/.test(name) ? undefined : 'has a character that is not printable ASCII';
}
