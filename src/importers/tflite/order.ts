/** Order of things that depend on each other. */

/**
 * Indices 0 … count − 1 so that each comes after its predecessors; otherwise as they were. Without
 * recursion: a chain may be as long as the file allows.
 * @returns the order, or one index that depends on itself
 */
export function topologicalOrder(
  count: number,
  predecessors: (index: number) => readonly number[],
): { order: number[] } | { cycle: number } {
  const order: number[] = [];
  const state = new Uint8Array(count); // 0 unseen, 1 on the stack, 2 placed
  for (let root = 0; root < count; root++) {
    if (state[root] !== 0) continue;
    const stack = [{ index: root, next: 0 }];
    state[root] = 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const before = predecessors(top.index);
      if (top.next === before.length) {
        stack.pop();
        state[top.index] = 2;
        order.push(top.index);
        continue;
      }
      const index = before[top.next++]!;
      if (state[index] === 1) return { cycle: index };
      if (state[index] === 0) {
        state[index] = 1;
        stack.push({ index, next: 0 });
      }
    }
  }
  return { order };
}
