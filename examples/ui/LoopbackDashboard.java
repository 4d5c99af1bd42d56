import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.StaticHandler;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.deeplearning4j.config.DL4JSystemProperties;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.deeplearning4j.ui.VertxUIServer;
import org.deeplearning4j.ui.api.Route;
import org.deeplearning4j.ui.i18n.I18NProvider;
import org.deeplearning4j.ui.model.stats.StatsListener;
import org.deeplearning4j.ui.model.storage.InMemoryStatsStorage;
import org.deeplearning4j.ui.module.train.TrainModule;

/**
 * DL4J's training pages on 127.0.0.1, at DL4J's port.
 *
 * <p>DL4J's own server, {@code VertxUIServer}, listens on all of the machine's addresses, whatever
 * it is told: it calls {@code HttpServer.listen(port, handler)}, which is Vert.x's for 0.0.0.0.
 * This one serves the same pages, but not those that take uploads.
 */
final class LoopbackDashboard implements Dashboard {
  private static final String HOST = "127.0.0.1";

  private final Vertx vertx = Vertx.vertx();
  private final InMemoryStatsStorage storage = new InMemoryStatsStorage();
  private HttpServer server;

  @Override
  public void serve() throws IOException {
    int port =
        Integer.getInteger(
            DL4JSystemProperties.UI_SERVER_PORT_PROPERTY, VertxUIServer.DEFAULT_UI_PORT);
    CompletableFuture<HttpServer> started = new CompletableFuture<>();
    vertx
        .createHttpServer(new HttpServerOptions().setHost(HOST).setPort(port))
        .requestHandler(router())
        .listen(
            result -> {
              if (result.succeeded()) {
                started.complete(result.result());
              } else {
                started.completeExceptionally(result.cause());
              }
            });
    try {
      server = started.join();
    } catch (CompletionException e) {
      throw new IOException(
          "--ui cannot listen on %s:%d: %s; end what does, or leave --ui out"
              .formatted(HOST, port, e.getCause().getMessage()),
          e);
    }
  }

  private Router router() {
    new VertxUIServer(); // the module asks the last one made whether it has several sessions
    TrainModule pages = new TrainModule();
    storage.registerStatsStorageListener(event -> pages.reportStorageEvents(List.of(event)));
    Router router = Router.router(vertx);
    router.get("/").handler(request -> request.reroute("/train/overview"));
    router.get("/assets/webjars/*").handler(StaticHandler.create("META-INF/resources/webjars"));
    router.get("/assets/*").handler(StaticHandler.create("deeplearning4jUiAssets"));
    router.get("/setlang/:to").handler(LoopbackDashboard::setLanguage);
    for (Route route : pages.getRoutes()) { // all GET, with one parameter or none
      router
          .get(route.getRoute())
          .handler(
              request ->
                  route.getConsumer().accept(List.copyOf(request.pathParams().values()), request));
    }
    return router;
  }

  private static void setLanguage(RoutingContext request) {
    I18NProvider.getInstance().setDefaultLanguage(request.pathParam("to"));
    request.response().end();
  }

  @Override
  public String address() {
    return "http://%s:%d".formatted(HOST, server.actualPort());
  }

  @Override
  public TrainingListener listener(int every) {
    return new StatsListener(storage, every);
  }

  @Override
  public void close() {
    CompletableFuture<Void> closed = new CompletableFuture<>();
    vertx.close(result -> closed.complete(null));
    closed.join();
  }
}
