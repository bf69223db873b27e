import django.utils.timezone
from django.db import migrations, models

# The last column says whether it is read from the start. The SEC wants to know who asks.
FEEDS = (
    ("CoinDesk", "https://www.coindesk.com/arc/outboundfeeds/rss/", True),
    ("Cointelegraph", "https://cointelegraph.com/rss", True),
    ("Decrypt", "https://decrypt.co/feed", True),
    ("The Block", "https://www.theblock.co/rss.xml", True),
    ("Blockworks", "https://blockworks.co/feed", True),
    ("Bitcoin Magazine", "https://bitcoinmagazine.com/feed", True),
    ("DL News", "https://www.dlnews.com/arc/outboundfeeds/rss/", True),
    ("The Defiant", "https://thedefiant.io/feed", True),
    ("CryptoSlate", "https://cryptoslate.com/feed/", True),
    ("Federal Reserve", "https://www.federalreserve.gov/feeds/press_all.xml", True),
    ("SEC", "https://www.sec.gov/news/pressreleases.rss", False),
)


def seed(apps, schema_editor):
    feeds = apps.get_model("markets", "NewsFeed")
    for name, url, is_active in FEEDS:
        if not feeds.objects.filter(models.Q(name=name) | models.Q(url=url)).exists():
            feeds.objects.create(name=name, url=url, is_active=is_active)


class Migration(migrations.Migration):

    dependencies = [
        ('markets', '0005_option_chains'),
    ]

    operations = [
        migrations.CreateModel(
            name='FeedState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('followed_from', models.BigIntegerField(blank=True, help_text='UTC epoch seconds of the first whole reading', null=True)),
                ('last_read_at', models.DateTimeField(blank=True, null=True)),
                ('next_read_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('last_error', models.CharField(blank=True, max_length=300)),
                ('last_error_at', models.DateTimeField(blank=True, null=True)),
                ('told', models.JSONField(default=dict, help_text='what the source says of it: unit, frequency')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
