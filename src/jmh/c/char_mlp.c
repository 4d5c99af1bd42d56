/*
 * C's side of the comparison: the character MLP's training step by hand, all buffers made once.
 *
 *   gcc -O3 -march=native -ffast-math char_mlp.c -lopenblas -lm -o char_mlp     (Debian: libopenblas-dev)
 *
 * Answers each line of its input by one line of output:
 *   step c fit:NxHxV MILLISECONDS  microseconds a step, going round prepared minibatches; the loss of
 *                                  one minibatch before the network's first step and after its last
 *   step c draw:NxH MILLISECONDS   the same on names.txt, each minibatch drawn at random in the step
 *   train c STEPS  seconds of a loop on names.txt, n = 32, H = 200; the loss before and after it
 *   learn STEPS    trains on a rule, n = 32, H = 64, V = 27: the loss on unseen contexts before and after
 *   check NxHxV    the largest difference between a gradient and central differences, relative to
 *                  the largest gradient of its array; sharp with -DREAL=double -DGEMM=cblas_dgemm
 *   version        OpenBLAS's version and the kernels that it chose
 *
 * The loops run on one thread, the products on as many as OPENBLAS_NUM_THREADS allows.
 */
#include <cblas.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>
#include <time.h>
#undef I /* complex.h's, of which tgmath.h makes use */

#ifndef REAL
#define REAL float
#define GEMM cblas_sgemm
#endif
typedef REAL real;

/* before a loop whose arrays do not overlap, so that it becomes vector instructions */
#define NO_OVERLAP _Pragma("GCC ivdep")

enum { T = 3, D = 10, I = T * D };
enum { MINIBATCHES = 64, MOST_ELEMENTS = 1 << 24 }; /* MOST_ELEMENTS: n·V of all prepared minibatches */
static const real LEARNING_RATE = 0.1, EPSILON = 1e-5;

/* Memory */

static void *zeros(size_t count, size_t size) {
  size_t bytes = (count * size + 63) / 64 * 64; /* whole cache lines */
  void *memory = aligned_alloc(64, bytes);
  if (memory == NULL) {
    fprintf(stderr, "no memory for %zu bytes\n", bytes);
    exit(1);
  }
  return memset(memory, 0, bytes);
}

static real *reals(size_t count) { return zeros(count, sizeof(real)); }

/* Random numbers: Knuth's MMIX generator, of which the upper half is used */

static uint64_t random_state = 1;

static uint32_t random_bits(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return random_state >> 32;
}

/* from 0 to bound − 1 */
static int random_index(int bound) { return ((uint64_t)random_bits() * bound) >> 32; }

static real normal(void) {
  double u = (random_bits() + 1.0) / 4294967296.0, v = random_bits() / 4294967296.0;
  return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* The network */

/* the arrays that are trained, or their gradients: one block of memory */
typedef struct {
  size_t count;
  real *all, *C, *W1, *b1, *gain, *bias, *W2, *b2; /* [V,D] [I,H] [H] [H] [H] [H,V] [V] */
} Parameters;

typedef struct {
  int n, H, V;
  Parameters p, d;                        /* the parameters, and the loss's gradients */
  real *embcat, *dembcat;                 /* [n, I] */
  real *hprebn, *h;                       /* [n, H] */
  real *mean, *std_inv, *scale;           /* [H]: of hprebn's columns; scale = gain·std_inv */
  real *dhpreact, *dhprebn;               /* [n, H], the same memory: the one turns into the other */
  real *from_mean, *from_var;             /* [H]: the ways back through the mean and the variance */
  int row;                                /* V rounded up to a whole vector: */
  real *logits, *dlogits;                 /* [n, row]; what fills up logits is −∞, dlogits 0 */
} CharMlp;

static Parameters parameters(int H, int V) {
  Parameters p = {.count = (size_t)V * D + (size_t)I * H + 3 * (size_t)H + (size_t)H * V + V};
  p.C = p.all = reals(p.count);
  p.W1 = p.C + (size_t)V * D;
  p.b1 = p.W1 + (size_t)I * H;
  p.gain = p.b1 + H;
  p.bias = p.gain + H;
  p.W2 = p.bias + H;
  p.b2 = p.W2 + (size_t)H * V;
  return p;
}

static void fill(real *values, size_t count, real scale, real shift) {
  for (size_t k = 0; k < count; k++) values[k] = shift + scale * normal();
}

static CharMlp network(int n, int H, int V) {
  CharMlp m = {.n = n, .H = H, .V = V, .p = parameters(H, V), .d = parameters(H, V)};
  fill(m.p.C, (size_t)V * D, 1, 0);
  fill(m.p.W1, (size_t)I * H, 5 / 3.0 / sqrt((real)I), 0);
  fill(m.p.b1, H, 0.1, 0);
  fill(m.p.gain, H, 0.1, 1);
  fill(m.p.bias, H, 0.1, 0);
  fill(m.p.W2, (size_t)H * V, 0.1, 0);
  fill(m.p.b2, V, 0.1, 0);
  m.embcat = reals((size_t)n * I), m.dembcat = reals((size_t)n * I);
  m.hprebn = reals((size_t)n * H), m.h = reals((size_t)n * H);
  m.mean = reals(H), m.std_inv = reals(H), m.scale = reals(H);
  m.dhpreact = m.dhprebn = reals((size_t)n * H);
  m.from_mean = reals(H), m.from_var = reals(H);
  m.row = (V + 15) / 16 * 16;
  m.logits = reals((size_t)n * m.row), m.dlogits = reals((size_t)n * m.row);
  for (size_t k = 0; k < (size_t)n * m.row; k++) m.logits[k] = -1e30;
  return m;
}

static void release(CharMlp *m) {
  real *arrays[] = {m->p.all, m->d.all, m->embcat, m->dembcat, m->hprebn, m->h, m->mean, m->std_inv,
                    m->scale, m->dhpreact, m->from_mean, m->from_var, m->logits, m->dlogits};
  for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) free(arrays[k]);
}

/* Each layer: forward and, right below, backward */

/* embcat = C[x], x [n, T] */
static void embed(CharMlp *m, const int *x) {
  for (size_t k = 0; k < (size_t)m->n * T; k++) {
    memcpy(m->embcat + k * D, m->p.C + (size_t)x[k] * D, D * sizeof(real));
  }
}

static void embed_backward(CharMlp *m, const int *x) {
  memset(m->d.C, 0, (size_t)m->V * D * sizeof(real));
  for (size_t k = 0; k < (size_t)m->n * T; k++) {
    real *dC = m->d.C + (size_t)x[k] * D;
    const real *demb = m->dembcat + k * D;
    NO_OVERLAP for (int j = 0; j < D; j++) dC[j] += demb[j];
  }
}

/* y = x·W + b; y's rows are `row` apart */
static void dense(int n, int in, int out, const real *x, const real *W, const real *b, real *y, int row) {
  for (size_t i = 0; i < (size_t)n; i++) memcpy(y + i * row, b, out * sizeof(real));
  GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, out, in, 1, x, in, W, out, 1, y, row);
}

/* dW = xᵀ·dy, dx = dy·Wᵀ; db is summed where dy is made */
static void dense_backward(int n, int in, int out, const real *x, const real *W, const real *dy, int row,
                           real *dW, real *dx) {
  GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, n, 1, x, in, dy, row, 0, dW, out);
  GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, n, in, out, 1, dy, row, W, out, 0, dx, in);
}

/* h = tanh(gain·(hprebn − mean)·std_inv + bias), the variance by n − 1 */
static void batch_norm_tanh(CharMlp *m) {
  const int n = m->n, H = m->H;
  const real *gain = m->p.gain, *bias = m->p.bias;
  real *mean = m->mean, *std_inv = m->std_inv, *scale = m->scale;

  memset(mean, 0, H * sizeof(real));
  for (int i = 0; i < n; i++) {
    const real *x = m->hprebn + (size_t)i * H;
    NO_OVERLAP for (int j = 0; j < H; j++) mean[j] += x[j];
  }
  NO_OVERLAP for (int j = 0; j < H; j++) mean[j] /= n;

  memset(std_inv, 0, H * sizeof(real));
  for (int i = 0; i < n; i++) {
    const real *x = m->hprebn + (size_t)i * H;
    NO_OVERLAP for (int j = 0; j < H; j++) std_inv[j] += (x[j] - mean[j]) * (x[j] - mean[j]);
  }
  NO_OVERLAP for (int j = 0; j < H; j++) {
    std_inv[j] = 1 / sqrt(std_inv[j] / (n - 1) + EPSILON);
    scale[j] = gain[j] * std_inv[j];
  }

  for (int i = 0; i < n; i++) {
    const real *x = m->hprebn + (size_t)i * H;
    real *h = m->h + (size_t)i * H;
    NO_OVERLAP for (int j = 0; j < H; j++) h[j] = tanh(scale[j] * (x[j] - mean[j]) + bias[j]);
  }
}

/* dhprebn = scale·(dhpreact − dbias/n − (hprebn − mean)·std_inv·dgain/(n − 1)), dhpreact = dh·(1 − h²) */
static void batch_norm_tanh_backward(CharMlp *m) {
  const int n = m->n, H = m->H;
  const real *mean = m->mean, *std_inv = m->std_inv, *scale = m->scale;
  real *dgain = m->d.gain, *dbias = m->d.bias, *db1 = m->d.b1;
  real *from_mean = m->from_mean, *from_var = m->from_var;

  memset(dgain, 0, H * sizeof(real));
  memset(dbias, 0, H * sizeof(real));
  for (int i = 0; i < n; i++) {
    const real *x = m->hprebn + (size_t)i * H, *h = m->h + (size_t)i * H;
    real *dhpreact = m->dhpreact + (size_t)i * H; /* holds dh until here */
    NO_OVERLAP for (int j = 0; j < H; j++) {
      real d = dhpreact[j] * (1 - h[j] * h[j]);
      dhpreact[j] = d;
      dbias[j] += d;
      dgain[j] += d * (x[j] - mean[j]);
    }
  }

  NO_OVERLAP for (int j = 0; j < H; j++) {
    dgain[j] *= std_inv[j];
    from_mean[j] = dbias[j] / n;
    from_var[j] = std_inv[j] * dgain[j] / (n - 1);
    db1[j] = 0;
  }
  for (int i = 0; i < n; i++) {
    const real *x = m->hprebn + (size_t)i * H;
    real *dhprebn = m->dhprebn + (size_t)i * H;
    NO_OVERLAP for (int j = 0; j < H; j++) {
      real d = scale[j] * (dhprebn[j] - from_mean[j] - (x[j] - mean[j]) * from_var[j]);
      dhprebn[j] = d;
      db1[j] += d;
    }
  }
}

/* the mean of logsumexp(logits) − logits[y], and dlogits = (softmax(logits) − onehot(y))/n */
static double cross_entropy(CharMlp *m, const int *y) {
  const int n = m->n, row = m->row;
  double loss = 0;
  for (int i = 0; i < n; i++) {
    const real *logits = m->logits + (size_t)i * row;
    real *dlogits = m->dlogits + (size_t)i * row;
    real most = logits[0], sum = 0;
    NO_OVERLAP for (int j = 0; j < row; j++) most = logits[j] > most ? logits[j] : most;
    NO_OVERLAP for (int j = 0; j < row; j++) sum += dlogits[j] = exp(logits[j] - most);
    loss += log(sum) - (logits[y[i]] - most);
    const real share = 1 / (sum * n);
    NO_OVERLAP for (int j = 0; j < row; j++) dlogits[j] *= share;
    dlogits[y[i]] -= (real)1 / n;
  }
  return loss / n;
}

static void b2_backward(CharMlp *m) {
  real *db2 = m->d.b2;
  memset(db2, 0, m->V * sizeof(real));
  for (int i = 0; i < m->n; i++) {
    const real *dlogits = m->dlogits + (size_t)i * m->row;
    NO_OVERLAP for (int j = 0; j < m->V; j++) db2[j] += dlogits[j];
  }
}

/* The step */

static double loss_and_dlogits(CharMlp *m, const int *x, const int *y) {
  embed(m, x);
  dense(m->n, I, m->H, m->embcat, m->p.W1, m->p.b1, m->hprebn, m->H);
  batch_norm_tanh(m);
  dense(m->n, m->H, m->V, m->h, m->p.W2, m->p.b2, m->logits, m->row);
  return cross_entropy(m, y);
}

static void gradients(CharMlp *m, const int *x) {
  b2_backward(m);
  dense_backward(m->n, m->H, m->V, m->h, m->p.W2, m->dlogits, m->row, m->d.W2, m->dhpreact);
  batch_norm_tanh_backward(m);
  dense_backward(m->n, I, m->H, m->embcat, m->p.W1, m->dhprebn, m->H, m->d.W1, m->dembcat);
  embed_backward(m, x);
}

/* one step of gradient descent; the loss before it */
static double step(CharMlp *m, const int *x, const int *y, real learning_rate) {
  double loss = loss_and_dlogits(m, x, y);
  gradients(m, x);
  real *p = m->p.all;
  const real *d = m->d.all;
  NO_OVERLAP for (size_t k = 0; k < m->p.count; k++) p[k] -= learning_rate * d[k];
  return loss;
}

/* Examples */

typedef struct {
  int count;
  int *x, *y; /* [count, T] [count] */
} Examples;

static Examples examples(int count) {
  return (Examples){count, zeros((size_t)count * T, sizeof(int)), zeros(count, sizeof(int))};
}

/* Random contexts that follow a rule: the last index says which of the first two is the label. */
static void rule(Examples e, int V) {
  for (int i = 0; i < e.count; i++) {
    int *x = e.x + (size_t)i * T;
    for (int t = 0; t < T; t++) x[t] = random_index(V);
    e.y[i] = x[T - 1] % 2 == 0 ? x[0] : x[1];
  }
}

/* n of all examples, each drawn at random */
static void draw(Examples all, Examples minibatch) {
  for (int i = 0; i < minibatch.count; i++) {
    int k = random_index(all.count);
    memcpy(minibatch.x + (size_t)i * T, all.x + (size_t)k * T, T * sizeof(int));
    minibatch.y[i] = all.y[k];
  }
}

enum { LETTERS = 27 }; /* 0 ends a name and comes before it, a to z are 1 to 26 */

/* The characters of the first 80 % of names.txt, each with the T before it. */
static Examples names(void) {
  FILE *file = fopen("names.txt", "r");
  if (file == NULL) {
    perror("names.txt");
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  Examples e = examples(ftell(file)); /* one for each character, a line's end being the name's */
  rewind(file);
  int context[T] = {0}, c;
  for (e.count = 0; (c = fgetc(file)) != EOF; e.count++) {
    memcpy(e.x + (size_t)e.count * T, context, sizeof context);
    e.y[e.count] = c == '\n' ? 0 : c - 'a' + 1;
    memmove(context, context + 1, sizeof context - sizeof *context);
    context[T - 1] = e.y[e.count];
    if (c == '\n') memset(context, 0, sizeof context);
  }
  fclose(file);
  e.count = e.count / 5 * 4;
  return e;
}

static void release_examples(Examples *e) { free(e->x), free(e->y); }

/* Requests */

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

/* The network and the examples of a task, kept until another is asked for. */
static struct {
  char name[64];
  CharMlp m;
  Examples all, first; /* first: the minibatch whose loss is reported; the last one drawn if drawing */
  int drawing, next;
  double loss_before;
} task;

static Examples next_minibatch(void) {
  if (task.drawing) {
    draw(task.all, task.first);
    return task.first;
  }
  size_t i = (size_t)task.next * task.m.n;
  task.next = (task.next + 1) % (task.all.count / task.m.n);
  return (Examples){task.m.n, task.all.x + i * T, task.all.y + i};
}

/* as many as the other sides have */
static int minibatches(int n, int V) {
  long fitting = MOST_ELEMENTS / ((long)n * V);
  return fitting < 2 ? 2 : fitting < MINIBATCHES ? fitting : MINIBATCHES;
}

static void prepare(const char *name) {
  if (*task.name != 0) {
    release(&task.m);
    release_examples(&task.all);
    if (task.drawing) release_examples(&task.first);
  }
  int n, H, V = LETTERS;
  task.drawing = sscanf(name, "draw:%dx%d", &n, &H) == 2;
  if (!task.drawing && sscanf(name, "fit:%dx%dx%d", &n, &H, &V) != 3) {
    fprintf(stderr, "no such task: %s\n", name);
    exit(1);
  }
  task.m = network(n, H, V);
  task.next = 0;
  if (task.drawing) {
    task.all = names();
    task.first = examples(n);
    draw(task.all, task.first);
  } else {
    task.all = examples(n * minibatches(n, V));
    rule(task.all, V);
    task.first = (Examples){n, task.all.x, task.all.y};
  }
  task.loss_before = loss_and_dlogits(&task.m, task.first.x, task.first.y);
  strcpy(task.name, name);
}

static void answer_step(const char *name, int milliseconds) {
  if (strcmp(name, task.name) != 0) prepare(name);
  double start = seconds(), end = start + milliseconds / 1e3, now;
  long steps = 0;
  do {
    Examples e = next_minibatch();
    step(&task.m, e.x, e.y, LEARNING_RATE);
    steps++;
    now = seconds();
  } while (now < end);
  double loss_after = loss_and_dlogits(&task.m, task.first.x, task.first.y);
  printf("%.3f %.4f %.4f\n", (now - start) * 1e6 / steps, task.loss_before, loss_after);
}

/* the network's loss on examples, all of them one minibatch */
static double loss_of(CharMlp *m, Examples e) {
  CharMlp whole = network(e.count, m->H, m->V);
  memcpy(whole.p.all, m->p.all, m->p.count * sizeof(real));
  double loss = loss_and_dlogits(&whole, e.x, e.y);
  release(&whole);
  return loss;
}

static void answer_train(long steps) {
  Examples all = names(), minibatch = examples(32);
  CharMlp m = network(minibatch.count, 200, LETTERS);
  double before = loss_of(&m, all), start = seconds();
  for (long k = 0; k < steps; k++) {
    draw(all, minibatch);
    step(&m, minibatch.x, minibatch.y, k < steps / 2 ? 0.1 : 0.01);
  }
  double end = seconds();
  printf("%.4f %.4f %.4f\n", end - start, before, loss_of(&m, all));
  release(&m), release_examples(&all), release_examples(&minibatch);
}

static void answer_learn(long steps) {
  const int V = 27;
  Examples minibatch = examples(32), unseen = examples(4096);
  rule(unseen, V);
  CharMlp m = network(minibatch.count, 64, V);
  double before = loss_of(&m, unseen);
  for (long k = 0; k < steps; k++) {
    rule(minibatch, V);
    step(&m, minibatch.x, minibatch.y, LEARNING_RATE);
  }
  printf("%.4f %.4f\n", before, loss_of(&m, unseen));
  release(&m), release_examples(&minibatch), release_examples(&unseen);
}

static double central_difference(CharMlp *m, Examples e, real *parameter) {
  const real value = *parameter, change = sizeof(real) == sizeof(double) ? 1e-5 : 1e-2;
  *parameter = value + change;
  double above = loss_and_dlogits(m, e.x, e.y);
  *parameter = value - change;
  double below = loss_and_dlogits(m, e.x, e.y);
  *parameter = value;
  return (above - below) / (2 * (double)change);
}

static void answer_check(int n, int H, int V) {
  CharMlp m = network(n, H, V);
  Examples e = examples(n);
  rule(e, V);
  fill(m.d.all, m.d.count, 1, 0); /* as a step before may have left them */
  loss_and_dlogits(&m, e.x, e.y);
  gradients(&m, e.x);
  real *array[] = {m.p.C, m.p.W1, m.p.b1, m.p.gain, m.p.bias, m.p.W2, m.p.b2, m.p.all + m.p.count};
  double worst = 0;
  for (int a = 0; array[a] < m.p.all + m.p.count; a++) {
    double largest = 0, difference = 0;
    for (real *p = array[a]; p < array[a + 1]; p++) {
      double central = central_difference(&m, e, p), gradient = m.d.all[p - m.p.all];
      largest = fmax(largest, fabs(central));
      difference = fmax(difference, fabs(central - gradient));
    }
    if (array[a] == m.p.b1) largest = 1; /* its gradient is 0: batch norm takes any constant out again */
    worst = fmax(worst, difference / largest);
  }
  printf("%.3g\n", worst);
  release(&m), release_examples(&e);
}

int main(void) {
  char line[256], name[sizeof task.name];
  int n, H, V, milliseconds;
  long number;
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "step c %63s %d", name, &milliseconds) == 2) {
      answer_step(name, milliseconds);
    } else if (sscanf(line, "train c %ld", &number) == 1) {
      answer_train(number);
    } else if (sscanf(line, "learn %ld", &number) == 1) {
      answer_learn(number);
    } else if (sscanf(line, "check %dx%dx%d", &n, &H, &V) == 3) {
      answer_check(n, H, V);
    } else if (strcmp(line, "version\n") == 0) {
      printf("%s, kernels for %s\n", openblas_get_config(), openblas_get_corename());
    } else {
      fprintf(stderr, "no such request: %s", line);
      return 1;
    }
    fflush(stdout);
  }
}
