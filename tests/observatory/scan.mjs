// Grades https://localhost as the MDN HTTP Observatory does, and prints grade, score and what each test found, as JSON.
// Its own command takes no port. Arguments: the package's folder, HTTP port, HTTPS port, path.
const [root, httpPort, httpsPort, path] = process.argv.slice(2);
const { retrieve } = await import(`${root}/src/retriever/retriever.js`);
const { ALL_TESTS } = await import(`${root}/src/constants.js`);
const { getGradeForScore, getScoreModifier } = await import(`${root}/src/grader/grader.js`);
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await import(`${root}/src/grader/charts.js`);

const site = await retrieve("localhost", { httpPort, httpsPort, path });
if (!site.responses.auto) throw new Error("the site does not answer");
const results = ALL_TESTS.map((test) => test(site)).filter(({ result }) => result);
const sum = (modifiers) => modifiers.reduce((one, other) => one + other, 100);
const modifiers = results.map(({ result }) => getScoreModifier(result));
const plain = sum(modifiers.filter((modifier) => modifier < 0));
const { grade, score } = getGradeForScore(plain >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? sum(modifiers) : plain);
const found = Object.fromEntries(results.map(({ constructor, result }) => [constructor.name, result]));
console.log(JSON.stringify({ grade, score, status: site.responses.auto.status, found }));
