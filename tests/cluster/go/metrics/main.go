// An external metrics server for the autoscaler: reads what the pods of a namespace expose to Prometheus.
//
// It stands in for Prometheus with its adapter.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/metrics/pkg/apis/external_metrics"
	basecmd "sigs.k8s.io/custom-metrics-apiserver/pkg/cmd"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider/defaults"
)

const (
	portAnnotation = "prometheus.io/port"
	shared         = "locution_queue_" // every api measures the same queue; all else is a pod's own
	scrapeTimeout  = 5 * time.Second
)

type pods struct {
	defaults.DefaultExternalMetricsProvider
	client kubernetes.Interface
	http   http.Client
}

// GetExternalMetric returns one value for each set of labels: the largest of the pods for what they share, else their sum.
func (p *pods) GetExternalMetric(ctx context.Context, namespace string, selector labels.Selector, info provider.ExternalMetricInfo) (*external_metrics.ExternalMetricValueList, error) {
	found, err := p.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Running"})
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	sets := map[string]map[string]string{}
	for _, pod := range found.Items {
		port, annotated := pod.Annotations[portAnnotation]
		if !annotated {
			continue
		}
		family, err := p.scrape(ctx, pod.Status.PodIP+":"+port, info.Metric)
		if err != nil || family == nil {
			continue // a pod that starts or ends; the others still tell
		}
		for _, sample := range family.Metric {
			set := labelsOf(sample)
			if !selector.Matches(labels.Set(set)) {
				continue
			}
			key := fmt.Sprint(set)
			sets[key] = set
			if strings.HasPrefix(info.Metric, shared) {
				values[key] = max(values[key], valueOf(sample))
			} else {
				values[key] += valueOf(sample)
			}
		}
	}
	list := &external_metrics.ExternalMetricValueList{}
	for key, value := range values {
		list.Items = append(list.Items, external_metrics.ExternalMetricValue{
			MetricName:   info.Metric,
			MetricLabels: sets[key],
			Timestamp:    metav1.Now(),
			Value:        *resource.NewMilliQuantity(int64(value*1000), resource.DecimalSI),
		})
	}
	if len(list.Items) == 0 { // nobody is there who measures it
		list.Items = append(list.Items, external_metrics.ExternalMetricValue{MetricName: info.Metric, Timestamp: metav1.Now()})
	}
	return list, nil
}

func (p *pods) scrape(ctx context.Context, address, metric string) (*dto.MetricFamily, error) {
	ctx, done := context.WithTimeout(ctx, scrapeTimeout)
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, strconv.Itoa(answer.StatusCode))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	return families[metric], err
}

func labelsOf(sample *dto.Metric) map[string]string {
	set := map[string]string{}
	for _, pair := range sample.Label {
		set[pair.GetName()] = pair.GetValue()
	}
	return set
}

func valueOf(sample *dto.Metric) float64 {
	if sample.Gauge != nil {
		return sample.Gauge.GetValue()
	}
	return sample.Counter.GetValue()
}

func main() {
	base := &basecmd.AdapterBase{Name: "locution-test-metrics"}
	if err := base.Flags().Parse(os.Args[1:]); err != nil {
		fail(err)
	}
	configuration, err := base.ClientConfig()
	if err != nil {
		fail(err)
	}
	client, err := kubernetes.NewForConfig(configuration)
	if err != nil {
		fail(err)
	}
	base.WithExternalMetrics(&pods{client: client})
	if err := base.Run(context.Background()); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
