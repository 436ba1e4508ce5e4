/** Reads `text/event-stream` (HTML Living Standard, "Server-sent events") as it arrives, in pieces of any size. */
export class EventStreamParser {
  #rest = "";
  #data: string[] = [];

  constructor(private readonly onData: (data: string) => void) {}

  feed(text: string): void {
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") {
        if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
        continue;
      }
      const data = this.#data.join("\n");
      this.#data = [];
      if (data !== "") this.onData(data);
    }
  }
}
