/** Takes the picture of the demo for the documentation: two people talking about a sentence. */
import { Reader } from "./reader.mjs";

const LIBERTY = "A striking image. Is faction the price of liberty, or only its risk?";
const PROPERTY = "Property again: is this class analysis, sixty years before Marx?";

export async function takePicture(context, base, path) {
  const edition = `picture-${Date.now()}`;
  const at = (reader) => `${base}?${new URLSearchParams({ reader, tenant: "acme", edition })}`;
  const ann = await Reader.open(await context({ deviceScaleFactor: 1.5, viewport: { width: 1360, height: 800 } }), at("Ann"));
  const bo = await Reader.open(await context(), at("Bo"));
  await ann.discuss("Liberty is to faction what air is to fire", LIBERTY);
  await ann.kept(LIBERTY);
  await bo.openThread(LIBERTY);
  await bo.reply("The price, I think. One line earlier he calls the cure worse than the disease.");
  await ann.kept("The price, I think.");
  await bo.discuss("The protection of these faculties is the first object of government", PROPERTY);
  await bo.kept(PROPERTY);
  await ann.page.locator('[data-parley="discussions"][data-count="2"]').waitFor();
  await ann.readers(2);
  await ann.page.locator("#messages").filter({ hasNotText: "–" }).waitFor();
  await ann.page.locator("#p5").evaluate((element) => element.scrollIntoView({ block: "center" }));
  await ann.page.screenshot({ path });
}
