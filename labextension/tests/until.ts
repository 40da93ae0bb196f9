/** Wait until a condition holds, as long as a busy machine may need. */
export async function until(
  isSo: () => boolean,
  what: string,
  milliseconds = 5000
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!isSo()) {
    if (Date.now() > end) {
      throw new Error(`Waited in vain until ${what}.`);
    }
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
