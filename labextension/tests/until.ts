/** Wait until a condition holds, as long as a busy machine may need: a little less than the limit of a test. */
export async function until(
  isSo: () => boolean,
  what: string,
  milliseconds = 25000
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!isSo()) {
    if (Date.now() > end) {
      throw new Error(`Waited in vain until ${what}.`);
    }
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
