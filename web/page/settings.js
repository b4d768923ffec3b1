// What the server was started with: released values, moods, whether films can be opened by their paths.

// Importing modules wait for it.
export const settings = await (await fetch("/settings")).json();
